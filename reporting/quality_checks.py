"""What must hold between the rows of the analytics store, each said as one query over a stretch of hours.

A query gives, by account, how many rows break the rule and of how many. Rows that are looked up beside those of the
hours are of the days from which the hours' bids are on; GLOBAL, because in a cluster they can be in any shard.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.events import PROOFS, Mark, PlayEvent
from reporting.counting import COUNTED, SOURCES
from reporting.schema import BIDS
from reporting.store import Store

HOUR_S = 3_600
_HOUR_NS = HOUR_S * 1_000_000_000
_FIRST = f"bitAnd(marks, {int(Mark.FIRST)}) != 0"
_START, _COMPLETE = int(PlayEvent.START), int(PlayEvent.COMPLETE)
_PROOFS = ("wins", "billings", "impressions")
NAMED = ("advertiser", "campaign", "line_item", "creative", "exchange", "deal", "site")
"""Dimensions whose ids have names."""
NAMED_IN = ("bids", "impressions")


@dataclass(frozen=True)
class Hours:
    """``first`` to ``last``, both included, counted from 1970 in UTC."""

    first: int
    last: int

    def of(self, clock: str) -> str:
        """The condition that a fact table's row is of these hours, by its ``clock``."""
        low, high = self.first * _HOUR_NS, (self.last + 1) * _HOUR_NS
        return f"day >= {day(self.first)} AND day <= {day(self.last)} AND {clock} >= {low} AND {clock} < {high}"

    def since(self, bid_ns: int) -> str:
        """The condition that a row is of the days from a bid to the end of these hours."""
        return f"day >= {day(bid_ns // _HOUR_NS)} AND day <= {day(self.last)}"


def day(hour: int) -> str:
    return f"toDate('{datetime.fromtimestamp(hour * HOUR_S, UTC):%Y-%m-%d}')"


@dataclass(frozen=True)
class Breach:
    check: str
    what: str
    hour: int
    account: int
    bad: int
    of: int


@dataclass(frozen=True)
class Rule:
    """``query`` makes SQL of (the condition of the hours, the condition of the days to look in) that gives (hour,
    account, rows that break the rule, rows). ``exact``: not one may; else a share of lost notices is to be expected.
    """

    check: str
    what: str
    fact: str
    query: Callable[[str, str], str]
    where: str = COUNTED
    exact: bool = True


def hour_of(clock: str) -> str:
    return f"intDiv({clock}, {_HOUR_NS})"


_HOUR = hour_of("received_ns")


def _absent(fact: str, where: str, others: str, name: str = "bid") -> Callable[[str, str], str]:
    """Rows of ``fact`` whose bid is not among those of ``others``, a query with places ``{days}`` and ``{mine}``."""

    def query(hours: str, days: str) -> str:
        mine = f"SELECT {name} FROM {fact} WHERE {hours} AND {where}"
        known = others.format(days=days, mine=mine)
        return (
            f"SELECT {_HOUR} AS hour, advertiser, countIf({name} GLOBAL NOT IN ({known})), count() FROM {fact}"
            f" WHERE {hours} AND {where} GROUP BY hour, advertiser"
        )

    return query


def _repeated(fact: str, key: str) -> Callable[[str, str], str]:
    """Rows beyond the first of each ``key``."""

    def query(hours: str, days: str) -> str:
        return (
            f"SELECT intDiv(latest, {_HOUR_NS}) AS hour, who, sum(n - 1), sum(n) FROM ("
            f"SELECT {key}, any(advertiser) AS who, count() AS n, max(received_ns) AS latest FROM {fact}"
            f" WHERE {days} AND {COUNTED} AND bid GLOBAL IN (SELECT bid FROM {fact} WHERE {hours} AND {COUNTED})"
            f" GROUP BY {key} HAVING n > 1) GROUP BY hour, who"
        )

    return query


def _first_repeated(hours: str, days: str) -> str:
    firsts = " UNION ALL ".join(
        f"SELECT bid, imp, advertiser, received_ns FROM {fact} WHERE {days} AND {COUNTED} AND {_FIRST}"
        f" AND bid GLOBAL IN (SELECT bid FROM {fact} WHERE {hours} AND {_FIRST})"
        for fact in _PROOFS
    )
    return (
        f"SELECT intDiv(latest, {_HOUR_NS}) AS hour, who, sum(n - 1), sum(n) FROM ("
        "SELECT bid, imp, any(advertiser) AS who, count() AS n, max(received_ns) AS latest"
        f" FROM ({firsts}) GROUP BY bid, imp HAVING n > 1) GROUP BY hour, who"
    )


def _above_maximum(hours: str, days: str) -> str:
    """A bid's settlements, and the notices that booked them, are of one hour: that of the billing."""
    may = " UNION ALL ".join(
        f"SELECT bid, received_ns, advertiser, toInt64(0) AS price, max_price, 0 AS booked FROM {fact}"
        f" WHERE {hours} AND {COUNTED} AND basis = {int(kind)}"
        for fact, kind in zip(_PROOFS, PROOFS, strict=True)
    )
    paid = (
        "SELECT bid, received_ns, advertiser, price, toInt64(0) AS max_price, 1 AS booked FROM settlements"
        f" WHERE {hours}"
    )
    return (
        "SELECT hour, who, countIf(paid > most), count() FROM ("
        f"SELECT bid, max({_HOUR}) AS hour, any(advertiser) AS who, sum(price) AS paid, max(max_price) AS most"
        f" FROM ({may} UNION ALL {paid}) GROUP BY bid HAVING max(booked) = 1 AND most > 0) GROUP BY hour, who"
    )


_WON = " UNION ALL ".join(
    f"SELECT bid FROM {fact} WHERE {{days}} AND {COUNTED} AND {_FIRST} AND bid GLOBAL IN ({{mine}})" for fact in _PROOFS
)
_SHOWN = f"SELECT bid FROM impressions WHERE {{days}} AND {COUNTED} AND bid GLOBAL IN ({{mine}})"
_STARTED = f"SELECT bid FROM events WHERE {{days}} AND {COUNTED} AND event = {_START} AND bid GLOBAL IN ({{mine}})"
_BID = "SELECT bid FROM bids WHERE {days} AND bid GLOBAL IN ({mine})"

RULES = (
    *(
        Rule("duplicates", f"{fact} that count twice", fact, _repeated(fact, key))
        for fact, key in (
            *((name, "exchange, bid, imp") for name in ("wins", "billings", "losses", "impressions", "clicks")),
            ("events", "exchange, bid, imp, event"),
        )
    ),
    Rule("duplicates", "bids that are won twice", "wins", _first_repeated),
    Rule(
        "impressions_without_win",
        "impressions of bids that were not won",
        "impressions",
        _absent("impressions", COUNTED, _WON),
    ),
    Rule("spend_above_maximum", "bids that cost more than they may", "settlements", _above_maximum, "1"),
    *(
        Rule(
            "wins_without_bid",
            f"bids that were won, by {fact}, and not made",
            fact,
            _absent(fact, f"{COUNTED} AND {_FIRST}", _BID),
            f"{COUNTED} AND {_FIRST}",
            exact=False,
        )
        for fact in _PROOFS
    ),
    Rule(
        "clicks_without_impression",
        "clicks on ads of which no impression is known",
        "clicks",
        _absent("clicks", COUNTED, _SHOWN),
        exact=False,
    ),
    Rule(
        "completes_without_start",
        "ads that played to their end and never began",
        "events",
        _absent("events", f"{COUNTED} AND event = {_COMPLETE}", _STARTED),
        f"{COUNTED} AND event = {_COMPLETE}",
        exact=False,
    ),
)


def breaches(store: Store, hours: Hours, tolerated: float) -> Iterator[Breach]:
    """Rules that are broken in these hours. Of rules that lost notices break, those broken by more than a share
    ``tolerated``. Bids older than the oldest there are not kept any more. Raises StoreError.
    """
    clock, looked = "received_ns", dict[str, tuple[int, int]]()
    for rule in RULES:
        bid_ns = "bid_ns" if rule.fact != "settlements" else clock
        asked = f"SELECT count(), min({bid_ns}) FROM {rule.fact} WHERE {hours.of(clock)} AND {rule.where}"
        if asked not in looked:
            rows, oldest_ns = map(int, store.query(asked)[0])
            looked[asked] = rows, oldest_ns
        rows, oldest_ns = looked[asked]
        if not rows:
            continue
        of_hours = hours.of(clock)
        if rule.check == "wins_without_bid":
            of_hours += f" AND bid_ns >= {_oldest_bids_ns(store)}"
        for hour, who, bad, of in store.query(rule.query(of_hours, hours.since(oldest_ns))):
            if int(bad) > (0 if rule.exact else tolerated * int(of)):
                yield Breach(rule.check, rule.what, int(hour), int(who), int(bad), int(of))


def _oldest_bids_ns(store: Store) -> int:
    """When the oldest day begins of which there are bids; without any a time that never comes."""
    text = str(store.query(f"SELECT min(partition) {store.dialect.parts(BIDS)}")[0][0])
    return int(datetime.fromisoformat(f"{text}T00:00+00:00").timestamp()) * 1_000_000_000 if text else (1 << 63) - 1


def nameless(store: Store, hours: Hours) -> Iterator[Breach]:
    """Ids in bids and impressions of these hours that nobody said what they stand for."""
    for fact in NAMED_IN:
        clock = "time_ns" if fact == "bids" else "received_ns"
        counts = ", ".join(
            f"uniqExactIf({name}, {name} != 0 AND toUInt64({name}) GLOBAL NOT IN"
            f" (SELECT id FROM names WHERE dimension = '{name}'))"
            for name in NAMED
        )
        asked = f"SELECT min({hour_of(clock)}), {counts} FROM {fact} WHERE {hours.of(clock)}"
        first, *found = map(int, store.query(asked)[0])
        for dimension, count in zip(NAMED, found, strict=True):
            if count:
                yield Breach("names_missing", f"{dimension}s of {fact} without a name", first, 0, count, 0)


def rolled_up(
    store: Store, hours: Hours, grain: str, gone: Collection[str] = ()
) -> Iterator[tuple[str, int, int, int, int]]:
    """(figure, hour, account, by the facts, by the rollup) where a rollup by minute or hour differs from the facts;
    those of the tables ``gone`` are not kept any more.
    """
    facts: dict[tuple[str, int, int], int] = {}
    lost = {name for source in SOURCES if source.table in gone for name in source.sums}
    figures = tuple(dict.fromkeys(name for source in SOURCES for name in source.sums if name not in lost))
    if not figures:
        return
    within = f"day >= {day(hours.first)} AND day <= {day(hours.last)}"
    of_time = f"{within} AND time >= {_moment(hours.first)} AND time < {_moment(hours.last + 1)}"
    hour = f"intDiv(toUnixTimestamp(time), {HOUR_S})"
    for source in SOURCES:
        told = {name: sum_ for name, sum_ in source.sums.items() if name in figures}
        if source.table in gone or not told:
            continue
        sums = ", ".join(f"toInt64({sum_}) AS n_{name}" for name, sum_ in told.items())
        asked = f"SELECT {hour} AS h, advertiser, {sums} FROM {source.table} WHERE {source.where} AND {of_time}"
        for at, who, *values in store.query(f"{asked} GROUP BY h, advertiser"):
            for name, value in zip(told, map(int, values), strict=True):
                key = name, int(at), int(who)
                facts[key] = facts.get(key, 0) + value
    sums = ", ".join(f"sum({name})" for name in figures)
    asked = f"SELECT {hour} AS h, advertiser, {sums} FROM delivery_{grain} WHERE {of_time} GROUP BY h, advertiser"
    found = {
        (name, int(at), int(who)): value
        for at, who, *values in store.query(asked)
        for name, value in zip(figures, map(int, values), strict=True)
    }
    for key in sorted(facts.keys() | found.keys()):
        if facts.get(key, 0) != found.get(key, 0):
            yield *key, facts.get(key, 0), found.get(key, 0)


def _moment(hour: int) -> str:
    return f"toDateTime({hour * HOUR_S}, 'UTC')"
