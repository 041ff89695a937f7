"""The one query of a report, out of its request and of what the store knows. The same SQL runs on every engine.

Each part sums one table by the wanted keys; the parts are put under each other; ids of creatives and advertisers are
exchanged for what they stand for; money is brought into the asked currency; everything is added up; names are put to
ids; rows are sorted and cut. No text of a request gets into the SQL but as a parameter, and *here alone* it is seen
to that a holder of a scope reads rows of its advertisers and of no others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from domain.errors import Problem, Refused
from reporting.catalogue import DIMENSIONS, REACH, TIMES, UNITS, Dimension, metric
from reporting.conversion import Rates, converted
from reporting.counting import Facts
from reporting.facts import HAS_ADVERTISER, chosen, sums_of
from reporting.names import TODAY
from reporting.request import Request
from reporting.rollups import ROLLUPS
from reporting.store import Parameter

_WITH_ADVERTISER = HAS_ADVERTISER | {table.name for table in ROLLUPS.values()}


@dataclass(frozen=True)
class Condition:
    """A filter whose words have become keys."""

    dimension: str
    keys: tuple[int | str, ...]
    wanted: bool = True


@dataclass(frozen=True)
class Known:
    """What is looked up before a report (`reporting.report`)."""

    today: date
    """UTC."""
    accounts: frozenset[str] = frozenset()
    """Currencies of advertisers. Only where there is a single one need rows not be told apart by it."""
    markets: frozenset[str] = frozenset()
    """Currencies of exchanges."""
    conditions: tuple[Condition, ...] = ()
    rates: Rates | None = None
    """To the currency of the request; None: no money is changed."""
    scope: frozenset[int] | None = None
    """Advertisers whose rows may be read; None: all."""


@dataclass(frozen=True)
class Query:
    """``sums``: names of the sums, in order. A row has the keys, the labels of those dimensions that have `names`, the
    account's currency, the exchange's (empty unless something is told in it), the sums, and with a comparison those of
    the period before.
    """

    sql: str
    parameters: dict[str, Parameter]
    sums: tuple[str, ...]
    labelled: tuple[str, ...]


def build(request: Request, known: Known, limit: int = 0) -> Query:
    """``limit``: rows at most; 0: all. Raises Refused."""
    return _Building(request, known).query(limit)


@dataclass
class _Building:
    request: Request
    known: Known
    parameters: dict[str, Parameter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        request, known = self.request, self.known
        self.by = [DIMENSIONS[name] for name in request.by]
        self.period = request.period
        self.sums = sums_of(request.shown)
        units = {UNITS.get(sum_, "count") for sum_ in self.sums}
        self.converts = known.rates is not None
        self.told_apart = not self.converts or bool(units - {"count"})
        self.by_account = self.told_apart and len(known.accounts) != 1
        self.by_market = "exchange" in units and len(known.markets) != 1
        self.market = "exchange" in units
        self.keys = [f"k_{place}" for place in range(len(self.by))]
        self.before = ["k_before"] if request.compare else []

    def query(self, limit: int) -> Query:
        parts, self.parameters = chosen(self.sums, self.request.dimensions, self.period, self.known.today)
        where, told = self.period.where()
        self.parameters |= told
        conditions = where + "".join(self._condition(n, each) for n, each in enumerate(self.known.conditions))
        union = " UNION ALL ".join(self._part(facts, conditions) for facts in parts)
        columns = [*self.keys, *self.before]
        columns += ["k_rated"] if self.converts else []
        columns += ["k_account", "k_own"] if self.by_account else []
        columns += ["k_market"] if self.by_market else []
        sql = self._exchanged(union, columns)
        if self.converts:
            sql = self._converted(sql)
        sql = self._added(sql)
        columns = [*self.keys, "k_money", "k_sold", *self._figures()]
        labelled = []
        for place, dimension in enumerate(self.by):
            if dimension.names:
                sql = _joined(sql, columns, f"k_{place}", f"l_{place}", dimension.names, "name")
                columns.append(f"l_{place}")
                labelled.append(place)
        shown = [
            f"if(l_{place} = '' AND k_{place} != 0, concat('#', toString(k_{place})), l_{place}) AS t_{place}"
            for place in labelled
        ]
        head = [*self.keys, *shown, "k_money", "k_sold", *self._figures()]
        sql = f"SELECT {', '.join(head)} FROM ({sql}){self._order(labelled)}"
        if limit:
            sql += f" LIMIT {self.request.offset}, {limit}"
        return Query(sql, self.parameters, self.sums, tuple(self.by[place].name for place in labelled))

    def _figures(self) -> list[str]:
        kinds = "sp" if self.request.compare else "s"
        return [f"{kind}_{place}" for kind in kinds for place in range(len(self.sums))]

    def _key(self, dimension: Dimension, table: str) -> str:
        return self.period.key(dimension.name) if dimension.name in TIMES else dimension.key(table)

    def _condition(self, number: int, condition: Condition) -> str:
        """With ``{key}`` still open: it is another one in each table."""
        if not condition.keys:
            return " AND 0" if condition.wanted else ""
        values = []
        for place, key in enumerate(condition.keys):
            if isinstance(key, str):
                self.parameters[f"f_{number}_{place}"] = key
                values.append(f"%(f_{number}_{place})s")
            else:
                values.append(str(int(key)))
        return f" AND {{key_{number}}} {'IN' if condition.wanted else 'NOT IN'} ({', '.join(values)})"

    def _part(self, facts: Facts, conditions: str) -> str:
        """One table, summed by the keys."""
        table = facts.table
        where = facts.where + conditions.format(
            **{f"key_{n}": self._key(DIMENSIONS[each.dimension], table) for n, each in enumerate(self.known.conditions)}
        )
        if self.known.scope is not None:
            if table not in _WITH_ADVERTISER:
                told = ", ".join(name for name in self.request.shown if set(facts.sums) & set(sums_of((name,))))
                raise Refused(
                    [Problem("metrics", told, "it belongs to no advertiser, and this token is for some only")]
                )
            ids = ", ".join(str(int(id_)) for id_ in sorted(self.known.scope))
            where += f" AND advertiser IN ({ids})" if ids else " AND 0"
        columns = {key: self._key(dimension, table) for key, dimension in zip(self.keys, self.by, strict=True)}
        if self.before:
            columns["k_before"] = self.period.earlier()
        if self.converts:
            columns["k_rated"] = "toUInt32(day)"
        if self.by_account:
            whose = "advertiser" if table in _WITH_ADVERTISER else "toUInt32(0)"
            columns |= {"k_account": whose, "k_own": f"toString({facts.currency})"}
        if self.by_market:
            columns["k_market"] = "exchange"
        selected = [f"{sql} AS {key}" for key, sql in columns.items()]
        selected += [f"{self._sum(facts, sum_)} AS n_{place}" for place, sum_ in enumerate(self.sums)]
        grouped = f" GROUP BY {', '.join(columns)}" if columns else ""
        return f"SELECT {', '.join(selected)} FROM {table} WHERE {where}{grouped}"

    def _sum(self, facts: Facts, sum_: str) -> str:
        if sum_ == REACH:
            person = ("person", "person != 0") if REACH in facts.sums else ("toUInt64(0)", "0")
            return f"uniqCombinedStateIf({', '.join(person)})"
        return f"toInt64({facts.sums.get(sum_, '0')})"

    def _exchanged(self, sql: str, columns: list[str]) -> str:
        """Ids of creatives and advertisers for what is meant, and whose currency it is."""
        sums = [f"n_{place}" for place in range(len(self.sums))]
        columns = columns + sums
        made = {}
        for place, dimension in enumerate(self.by):
            if dimension.mapped:
                sql = _joined(sql, columns, f"k_{place}", f"m_{place}", dimension.of, dimension.mapped)
                columns = [*columns, f"m_{place}"]
                made[f"k_{place}"] = f"m_{place}"
        if self.by_account:
            sql = _joined(sql, columns, "k_account", "m_money", "advertiser", "currency")
            columns = [*columns, "m_money"]
        if self.by_market:
            sql = _joined(sql, columns, "k_market", "m_sold", "exchange", "currency")
            columns = [*columns, "m_sold"]
        money = "if(k_own != '', k_own, m_money)" if self.by_account else self._constant("money", self.known.accounts)
        sold = (
            "m_sold" if self.by_market else self._constant("sold", self.known.markets if self.market else frozenset())
        )
        # the names are put on in a query of their own: to 18.16 an alias means itself where a column has its name
        kept = [*self.keys, *self.before, *(["k_rated"] if self.converts else [])]
        inner = [f"{made.get(key, key)} AS x_{key}" for key in kept]
        sql = f"SELECT {', '.join([*inner, f'{money} AS x_money', f'{sold} AS x_sold', *sums])} FROM ({sql})"
        outer = [f"x_{key} AS {key}" for key in kept]
        return f"SELECT {', '.join([*outer, 'x_money AS k_money', 'x_sold AS k_sold', *sums])} FROM ({sql})"

    def _constant(self, name: str, currencies: frozenset[str]) -> str:
        if len(currencies) != 1 or (name == "money" and not self.told_apart):
            return "''"
        self.parameters[name] = next(iter(currencies))
        return f"%({name})s"

    def _converted(self, sql: str) -> str:
        """All money in one currency: what a day brings for a row is changed at once, and rounded once."""
        assert self.known.rates is not None
        groups = [*self.keys, *self.before, "k_rated", "k_money", "k_sold"]
        added = [f"{self._adding(sum_, f'n_{place}')} AS x_{place}" for place, sum_ in enumerate(self.sums)]
        sql = f"SELECT {', '.join([*groups, *added])} FROM ({sql}) GROUP BY {', '.join(groups)}"
        rated = {unit: self.known.rates.sql(column, "k_rated", self.parameters)
                 for unit, column in (("account", "k_money"), ("exchange", "k_sold"))}  # fmt: skip
        rates = [f"toInt64({rated[unit]}) AS r_{unit}" for unit in rated]
        sums = [f"x_{place}" for place in range(len(self.sums))]
        sql = f"SELECT {', '.join([*groups, *sums, *rates])} FROM ({sql})"
        self.parameters["asked"] = self.request.currency
        figures = []
        for place, sum_ in enumerate(self.sums):
            unit = UNITS.get(sum_, "count")
            changed = f"x_{place}" if unit == "count" else converted(f"x_{place}", f"r_{unit}")
            figures.append(f"{changed} AS n_{place}")
        kept = [
            *self.keys,
            *self.before,
            "%(asked)s AS k_money",
            f"{'%(asked)s' if self.market else repr('')} AS k_sold",
        ]
        inner = [*groups, *(f"{f}" for f in figures)]
        sql = f"SELECT {', '.join(inner)} FROM ({sql})"
        return f"SELECT {', '.join([*kept, *(f'n_{p}' for p in range(len(self.sums)))])} FROM ({sql})"

    def _adding(self, sum_: str, column: str) -> str:
        return f"uniqCombinedMergeState({column})" if sum_ == REACH else f"sum({column})"

    def _added(self, sql: str) -> str:
        groups = [*self.keys, "k_money", "k_sold"]
        figures = []
        for kind, when in (("s", 0), ("p", 1)) if self.request.compare else (("s", None),):
            for place, sum_ in enumerate(self.sums):
                how = "uniqCombinedMerge" if sum_ == REACH else "sum"
                told = f"{how}(n_{place})" if when is None else f"{how}If(n_{place}, k_before = {when})"
                figures.append(f"toInt64({told}) AS {kind}_{place}")
        told = " OR ".join(f"{name} != 0" for name in self._figures())  # a rollup's rows can be of other figures alone
        return f"SELECT {', '.join([*groups, *figures])} FROM ({sql}) GROUP BY {', '.join(groups)} HAVING {told}"

    def _order(self, labelled: Sequence[int]) -> str:
        names = [dimension.name for dimension in self.by]
        order = []
        places = {name: [f"t_{n}", f"k_{n}"] if n in labelled else [f"k_{n}"] for n, name in enumerate(names)}
        for name, falling in self.request.order:
            way = " DESC" if falling else ""
            order += (
                [f"{c}{way}" for c in places.pop(name)] if name in places else [f"{self._value(name)}{way} NULLS LAST"]
            )
        labels = [columns[0] for columns in places.values()]
        ids = [columns[1] for columns in places.values() if len(columns) > 1]
        return f" ORDER BY {', '.join([*order, *labels, *ids, 'k_money', 'k_sold'])}"

    def _value(self, name: str) -> str:
        """SQL of a metric, for sorting by it."""
        of = metric(name)
        assert of is not None
        places = {sum_: f"s_{place}" for place, sum_ in enumerate(self.sums)}
        value = " + ".join(places[sum_] for sum_ in of.of) + "".join(f" - {places[sum_]}" for sum_ in of.minus)
        if not of.per:
            return f"({value})"
        per = " + ".join(places[sum_] for sum_ in of.per)
        return f"if(({per}) = 0, NULL, toFloat64({value}) / ({per}))"


def _joined(sql: str, columns: Sequence[str], key: str, alias: str, dimension: str, column: str) -> str:
    """``sql`` with one more column ``alias``: today's ``column`` of the dictionary for the id in ``key``."""
    names = f"SELECT toUInt64(id) AS j_id, {TODAY[column]} AS {alias} FROM names WHERE dimension = '{dimension}'"
    keyed = f"SELECT {', '.join(columns)}, toUInt64({key}) AS j_id FROM ({sql})"
    return (
        f"SELECT {', '.join([*columns, alias])} FROM ({keyed}) AS facts"
        f" ANY LEFT JOIN ({names} GROUP BY j_id) AS named USING (j_id)"
    )


def settings(limits: Mapping[str, int]) -> str:
    """End of a query that may not take more than ``limits`` say."""
    return f" SETTINGS {', '.join(f'{name} = {int(value)}' for name, value in limits.items())}" if limits else ""
