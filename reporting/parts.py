"""The lowest layer of a report's query: what each table brings to it, summed by the keys.

No text of a request gets into the SQL but as a parameter, and *here alone* it is seen to that a holder of a scope reads
rows of its advertisers and of no others.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from domain.errors import Problem, Refused
from reporting.catalogue import DIMENSIONS, REACH, TIMES, UNITS, Dimension
from reporting.conversion import Rates
from reporting.counting import Facts
from reporting.facts import HAS_ADVERTISER, chosen, sums_of
from reporting.request import Request
from reporting.rollups import ROLLUPS

_WITH_ADVERTISER = HAS_ADVERTISER | {table.name for table in ROLLUPS.values()}
_WIDE = frozenset(("site", "minute"))
"""Dimensions of so many values that each table's groups would be nearly as many as its rows."""


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
    values: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """Dimension -> id of a creative or advertiser -> the key of what is meant, of dimensions that are `mapped` and have
    few ids; others are put to their ids in the query.
    """
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Dimension -> what these keys stand for, if they are places in a list of words."""


class Parts:
    """Builds them; ``parameters`` of the query come together here."""

    def __init__(self, request: Request, known: Known) -> None:
        self.request, self.known = request, known
        self.period = request.period
        self.sums = sums_of(request.shown)
        units = {UNITS.get(sum_, "count") for sum_ in self.sums}
        self.converts = known.rates is not None
        self.market = "exchange" in units
        """Something is told in the exchange's currency."""
        self.by_account = (not self.converts or units != {"count"}) and len(known.accounts) != 1
        self.by_market = self.market and len(known.markets) != 1
        self.by = [DIMENSIONS[name] for name in request.by]
        facts, self.parameters = chosen(self.sums, request.dimensions, self.period, known.today)
        self.facts: list[Facts] = facts
        self.keys = [f"k_{place}" for place in range(len(self.by))]
        self.before = ["k_before"] if request.compare else []
        self.columns = [*self.keys, *self.before]
        self.columns += ["k_rated"] if self.converts else []
        self.columns += ["k_account", "k_own"] if self.by_account else []
        self.columns += ["k_market"] if self.by_market else []

    def sql(self) -> tuple[str, bool]:
        """The parts under each other: `columns` and a column ``n_…`` for each sum; and whether no two rows have the
        same columns.
        """
        where, told = self.period.where()
        self.parameters |= told
        where += "".join(self._condition(n, each) for n, each in enumerate(self.known.conditions))
        flat = len(self.facts) > 1 and REACH not in self.sums and bool(_WIDE & set(self.request.by))
        parts = " UNION ALL ".join(self._part(facts, where, flat) for facts in self.facts)
        if not flat:
            return parts, len(self.facts) == 1
        sums = ", ".join(f"sum(n_{place}) AS n_{place}" for place in range(len(self.sums)))
        return f"SELECT {', '.join(self.columns)}, {sums} FROM ({parts}) GROUP BY {', '.join(self.columns)}", True

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

    def _part(self, facts: Facts, where: str, flat: bool) -> str:
        """One table, summed by the keys; if ``flat``, its rows as they are."""
        table = facts.table
        where = facts.where + where.format(
            **{f"key_{n}": self._key(DIMENSIONS[each.dimension], table) for n, each in enumerate(self.known.conditions)}
        )
        columns = [
            *(self._value(dimension, table) for dimension in self.by),
            *(self.period.earlier() for _ in self.before),
        ]
        if self.converts:
            columns.append("toUInt32(day)")
        if self.by_account:
            whose = "advertiser" if table in _WITH_ADVERTISER else "toUInt32(0)"
            columns += [whose, f"toString({facts.currency})"]
        if self.by_market:
            columns.append("exchange")
        selected = [f"{sql} AS {key}" for key, sql in zip(self.columns, columns, strict=True)]
        selected += [f"{self._sum(facts, sum_, flat)} AS n_{place}" for place, sum_ in enumerate(self.sums)]
        grouped = f" GROUP BY {', '.join(self.columns)}" if self.columns and not flat else ""
        return f"SELECT {', '.join(selected)} FROM {table} WHERE {where}{self._scope(facts)}{grouped}"

    def _scope(self, facts: Facts) -> str:
        if self.known.scope is None:
            return ""
        if facts.table not in _WITH_ADVERTISER:
            told = ", ".join(name for name in self.request.shown if set(facts.sums) & set(sums_of((name,))))
            raise Refused([Problem("metrics", told, "it belongs to no advertiser, and this token is for some only")])
        ids = ", ".join(str(int(id_)) for id_ in sorted(self.known.scope))
        return f" AND advertiser IN ({ids})" if ids else " AND 0"

    def _key(self, dimension: Dimension, table: str) -> str:
        return self.period.key(dimension.name) if dimension.name in TIMES else dimension.key(table)

    def _value(self, dimension: Dimension, table: str) -> str:
        key = self._key(dimension, table)
        values = self.known.values.get(dimension.name)
        if not values:
            return key
        ids, meant = ", ".join(map(str, values)), ", ".join(map(str, values.values()))
        return f"transform(toUInt32({key}), [{ids}], [{meant}], 0)"

    def _sum(self, facts: Facts, sum_: str, flat: bool) -> str:
        if sum_ == REACH:
            person = ("person", "person != 0") if REACH in facts.sums else ("toUInt64(0)", "0")
            return f"uniqCombinedStateIf({', '.join(person)})"
        if not (sql := facts.sums.get(sum_)):
            return "materialize(toInt64(0))"  # 18.16 puts no constants under what is none
        return f"toInt64({of_row(sql) if flat else sql})"


def of_row(sql: str) -> str:
    """What one row brings to a sum: ``countIf(x = 1)`` -> ``(x = 1)``."""
    found = re.fullmatch(r"(count|sum|countIf|sumIf)\((.*)\)", sql, re.DOTALL)
    if not found:
        raise ValueError(f"{sql!r} is no sum that a row's part is known of")
    kind, inner = found.groups()
    if kind == "count":
        return "1"
    if kind != "sumIf":
        return f"({inner})"
    value, _, condition = inner.partition(", ")
    return f"if({condition}, {value}, 0)"
