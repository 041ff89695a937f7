"""The one query of a report, out of its request and of what the store knows. The same SQL runs on every engine.

`reporting.parts` sums the tables by the wanted keys; ids of creatives and advertisers are exchanged for what they stand
for; money is brought into the asked currency; everything is added up; rows are sorted and cut, and names put to ids.
Steps that a request does not need are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reporting.catalogue import REACH, UNITS, metric
from reporting.conversion import converted
from reporting.names import TODAY
from reporting.parts import Known, Parts
from reporting.request import Request
from reporting.store import Parameter


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


class _Building:
    def __init__(self, request: Request, known: Known) -> None:
        self.request, self.known = request, known
        self.parts = Parts(request, known)
        self.sums, self.keys, self.before = self.parts.sums, self.parts.keys, self.parts.before
        self.converts = self.parts.converts
        told = {"k_money": self.parts.by_account, "k_sold": self.parts.by_market}
        self.told_apart = [name for name, apart in told.items() if apart and not self.converts]
        """Currencies that are columns of the rows; others are the same in all."""
        self.labelled = [place for place, dimension in enumerate(self.parts.by) if dimension.names]

    def query(self, limit: int) -> Query:
        sql, unique = self.parts.sql()
        parameters = self.parts.parameters
        mapped = [
            place
            for place, dimension in enumerate(self.parts.by)
            if dimension.mapped and dimension.name not in self.known.values
        ]
        if mapped or self.parts.by_account or self.parts.by_market or self.converts:
            sql, unique = self._exchanged(sql, mapped), False
        if self.converts:
            sql = self._converted(sql)
        sql = self._added(sql, unique and not self.request.compare)
        columns = [*self.keys, *self.told_apart, *self._figures()]
        order = self._order([place for place in self.labelled if self._sorted_by(place)])
        cut = f" LIMIT {self.request.offset}, {limit}" if limit else ""
        if cut and not any(map(self._sorted_by, self.labelled)):  # names are put to the rows that are shown alone
            sql, cut = f"SELECT {', '.join(columns)} FROM ({sql}){order}{cut}", ""
        labels = []
        for place in self.labelled:
            sql = _joined(sql, columns, f"k_{place}", f"l_{place}", self.parts.by[place].names, "name")
            columns.append(f"l_{place}")
            labels.append(
                f"if(l_{place} = '' AND k_{place} != 0, concat('#', toString(k_{place})), l_{place}) AS t_{place}"
            )
        head = [*self.keys, *labels, *self._currencies(parameters), *self._figures()]
        sql = f"SELECT {', '.join(head)} FROM ({sql}){order}{cut}"
        return Query(sql, parameters, self.sums, tuple(self.parts.by[place].name for place in self.labelled))

    def _figures(self) -> list[str]:
        kinds = "sp" if self.request.compare else "s"
        return [f"{kind}_{place}" for kind in kinds for place in range(len(self.sums))]

    def _currencies(self, parameters: dict[str, Parameter]) -> list[str]:
        """Of the rows' money: columns, or the one that all have."""
        asked = frozenset((self.request.currency,)) if self.converts else None
        made = []
        for name, all_, wanted in (
            ("k_money", asked or self.known.accounts, True),
            ("k_sold", asked or self.known.markets, self.parts.market),
        ):
            if name in self.told_apart:
                made.append(name)
            else:
                parameters[name] = next(iter(all_)) if wanted and len(all_) == 1 else ""
                made.append(f"%({name})s AS {name}")
        return made

    def _exchanged(self, sql: str, mapped: Sequence[int]) -> str:
        """Ids of creatives and advertisers for what is meant, and whose currency it is."""
        sums = [f"n_{place}" for place in range(len(self.sums))]
        columns = [*self.parts.columns, *sums]
        made = {}
        for place in mapped:
            dimension = self.parts.by[place]
            sql = _joined(sql, columns, f"k_{place}", f"m_{place}", dimension.of, dimension.mapped)
            columns = [*columns, f"m_{place}"]
            made[f"k_{place}"] = f"m_{place}"
        money, sold = "%(k_account_money)s", "%(k_market_money)s"
        if self.parts.by_account:
            sql = _joined(sql, columns, "k_account", "m_money", "advertiser", "currency")
            columns = [*columns, "m_money"]
            money = "if(k_own != '', k_own, m_money)"
        if self.parts.by_market:
            sql = _joined(sql, columns, "k_market", "m_sold", "exchange", "currency")
            columns, sold = [*columns, "m_sold"], "m_sold"
        self.parts.parameters["k_account_money"] = _only(self.known.accounts)
        self.parts.parameters["k_market_money"] = _only(self.known.markets)
        # the names are put on in a query of their own: to 18.16 an alias means itself where a column has its name
        kept = [*self.keys, *self.before, *(["k_rated"] if self.converts else [])]
        inner = [f"{made.get(key, key)} AS x_{key}" for key in kept]
        sql = f"SELECT {', '.join([*inner, f'{money} AS x_money', f'{sold} AS x_sold', *sums])} FROM ({sql})"
        outer = [f"x_{key} AS {key}" for key in kept]
        return f"SELECT {', '.join([*outer, 'x_money AS k_money', 'x_sold AS k_sold', *sums])} FROM ({sql})"

    def _converted(self, sql: str) -> str:
        """All money in one currency: what a day brings for a row is changed at once, and rounded once."""
        assert self.known.rates is not None
        groups = [*self.keys, *self.before, "k_rated", "k_money", "k_sold"]
        adds = ["uniqCombinedMergeState" if sum_ == REACH else "sum" for sum_ in self.sums]
        added = [f"{how}(n_{place}) AS x_{place}" for place, how in enumerate(adds)]
        sql = f"SELECT {', '.join([*groups, *added])} FROM ({sql}) GROUP BY {', '.join(groups)}"
        rates = [
            f"toInt64({self.known.rates.sql(column, 'k_rated', self.parts.parameters)}) AS r_{unit}"
            for unit, column in (("account", "k_money"), ("exchange", "k_sold"))
        ]
        sums = [f"x_{place}" for place in range(len(self.sums))]
        sql = f"SELECT {', '.join([*groups, *sums, *rates])} FROM ({sql})"
        figures = []
        for place, sum_ in enumerate(self.sums):
            unit = UNITS.get(sum_, "count")
            changed = f"x_{place}" if unit == "count" else converted(f"x_{place}", f"r_{unit}")
            figures.append(f"{changed} AS n_{place}")
        return f"SELECT {', '.join([*self.keys, *self.before, *figures])} FROM ({sql})"

    def _added(self, sql: str, unique: bool) -> str:
        """A row for each key, without those that say nothing: a rollup's rows can be of other figures alone."""
        groups = [*self.keys, *self.told_apart]
        told = " OR ".join(f"{name} != 0" for name in self._figures())
        if unique and REACH not in self.sums:
            sums = [f"n_{place} AS s_{place}" for place in range(len(self.sums))]
            return f"SELECT {', '.join([*groups, *sums])} FROM ({sql}) WHERE {told}"
        figures = []
        for kind, when in (("s", 0), ("p", 1)) if self.request.compare else (("s", None),):
            for place, sum_ in enumerate(self.sums):
                how = "uniqCombinedMerge" if sum_ == REACH else "sum"
                one = f"{how}(n_{place})" if when is None else f"{how}If(n_{place}, k_before = {when})"
                figures.append(f"toInt64({one}) AS {kind}_{place}")
        grouped = f" GROUP BY {', '.join(groups)}" if groups else ""
        return f"SELECT {', '.join([*groups, *figures])} FROM ({sql}){grouped} HAVING {told}"

    def _sorted_by(self, place: int) -> bool:
        """Whether the order depends on the names of a dimension. Where metrics decide, ids break ties."""
        order = self.request.order
        return not order or self.parts.by[place].name in {name for name, _ in order}

    def _order(self, labelled: Sequence[int]) -> str:
        """With ids in place of the names of dimensions that are not ``labelled``."""
        places = {
            dimension.name: [f"t_{n}", f"k_{n}"] if n in labelled else [f"k_{n}"]
            for n, dimension in enumerate(self.parts.by)
        }
        order = []
        for name, falling in self.request.order:
            way = " DESC" if falling else ""
            if name in places:
                order += [f"{column}{way}" for column in places.pop(name)]
            else:
                order.append(f"{self._value(name)}{way} NULLS LAST")
        labels = [columns[0] for columns in places.values()]
        ids = [columns[1] for columns in places.values() if len(columns) > 1]
        columns = [*order, *labels, *ids, *self.told_apart]
        return f" ORDER BY {', '.join(columns)}" if columns else ""

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


def _only(currencies: frozenset[str]) -> str:
    return next(iter(currencies)) if len(currencies) == 1 else ""


def _joined(sql: str, columns: Sequence[str], key: str, alias: str, dimension: str, column: str) -> str:
    """``sql`` with one more column ``alias``: today's ``column`` of the dictionary for the id in ``key``."""
    names = f"SELECT toUInt64(id) AS j_id, {TODAY[column]} AS {alias} FROM names WHERE dimension = '{dimension}'"
    keyed = f"SELECT {', '.join(columns)}, toUInt64({key}) AS j_id FROM ({sql})"
    return (
        f"SELECT {', '.join([*columns, alias])} FROM ({keyed}) AS facts"
        f" ANY LEFT JOIN ({names} GROUP BY j_id) AS named USING (j_id)"
    )
