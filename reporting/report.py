"""The report: what is asked -> what the store knows -> one query -> lines.

`run` answers all at once, `stream` piece by piece; both ask the very same query (`reporting.query`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

from domain.campaign import Rate
from domain.clock import from_env, utc
from domain.errors import Problem, Refused
from reporting.catalogue import DEFAULT, DIMENSIONS, METRICS, REACH, TIMES
from reporting.conversion import rates_to
from reporting.filtering import conditions, meanings
from reporting.lines import OTHERS, TOTAL, Line
from reporting.local_time import label as time_label
from reporting.names import TODAY
from reporting.parts import Known
from reporting.query import Query, build
from reporting.request import Request
from reporting.scope import ALL, Scope
from reporting.store import Store

__all__ = [
    "COUNTS",
    "DIMENSIONS",
    "IDS",
    "METRICS",
    "MONEY",
    "Line",
    "Request",
    "books",
    "build",
    "page",
    "run",
    "stream",
]

IDS = tuple(name for name, each in DIMENSIONS.items() if each.names)
COUNTS = tuple(name for name in DEFAULT if METRICS[name].shape == "count")
MONEY = tuple(name for name in DEFAULT if METRICS[name].shape == "money")

AskRates = Callable[[], Iterable[Rate]]


@dataclass(frozen=True)
class Asker:
    """For whom a report is: what it may see. ``rates`` tells the exchange rates, and is asked only where money is to be
    changed.
    """

    scope: Scope = ALL
    rates: AskRates = tuple
    mark: str = ""
    """Stands in each query's text, so that it can be found and ended."""


@dataclass
class Report:
    lines: list[Line]
    totals: list[Line]
    """One for each currency, if the request wants any."""
    next_page_token: str = ""


def run(store: Store, request: Request, asker: Asker = Asker()) -> list[Line]:
    """The report's rows, in their order. Raises Refused, StoreError."""
    return page(store, request, asker).lines


def page(store: Store, request: Request, asker: Asker = Asker(), most: int = 0) -> Report:
    """With totals, and where the next page begins. ``most``: rows that are allowed; 0: any. Raises Refused."""
    known = look_up(store, request, asker)
    limit = request.top or request.page_size or most
    rows = [line for piece in _lines(store, request, known, asker, limit and limit + 1) for line in piece]
    more = bool(limit) and len(rows) > limit
    if more and not (request.top or request.page_size):
        raise Refused([Problem("by", ",".join(request.by), f"it has more than {most:,} rows: {_NARROW}")])
    found = Report(rows[: limit or None], [])
    if request.totals or (request.top and more):
        found.totals = totals(store, request, known, asker)
    if request.top and more:
        found.lines += _others(request, found)
    if not request.totals:
        found.totals = []
    if request.page_size and more:
        found.next_page_token = request.page_token(request.offset + request.page_size)
    return found


_NARROW = "take fewer dimensions or days, a filter, top or page_size, or a stream (CSV, Parquet)"


def stream(store: Store, request: Request, asker: Asker = Asker()) -> Iterator[list[Line]]:
    """All rows, piece by piece, and the totals last. What cannot be answered is refused before the first piece
    comes.
    """
    if request.top or request.page_size:
        answer = page(store, request, asker)
        yield answer.lines + answer.totals
        return
    known = look_up(store, request, asker)
    yield from _lines(store, request, known, asker)
    if request.totals:
        yield totals(store, request, known, asker)


def totals(store: Store, request: Request, known: Known, asker: Asker) -> list[Line]:
    """All rows together: counted anew, for the reach of two rows is not the sum of theirs."""
    whole = replace(request, by=(), metrics=request.shown, sort=(), top=0, page_size=0, offset=0)
    found = [line for piece in _lines(store, whole, known, asker) for line in piece]
    for line in found:
        line.kind, line.labels = TOTAL, dict.fromkeys(request.by, "")
        if request.by:
            line.labels[request.by[0]] = TOTAL
    return found


def _others(request: Request, found: Report) -> list[Line]:
    """What the totals have beyond the lines that are shown."""
    left = []
    for total in found.totals:
        mine = [line for line in found.lines if (line.currency, line.market) == (total.currency, total.market)]
        labels = dict.fromkeys(request.by, "") | {request.by[0]: OTHERS}
        sums = _less(total.sums, [line.sums for line in mine])
        before = _less(total.before, [line.before or {} for line in mine]) if total.before is not None else None
        if any(sums.values()) or any((before or {}).values()):
            left.append(Line(labels, {}, total.currency, sums, total.market, before, OTHERS))
    return left


def _less(total: Mapping[str, int | None], parts: Sequence[Mapping[str, int | None]]) -> dict[str, int | None]:
    return {
        name: None if name == REACH or whole is None else whole - sum(part.get(name) or 0 for part in parts)
        for name, whole in total.items()
    }


def look_up(store: Store, request: Request, asker: Asker = Asker()) -> Known:
    """What the query depends on and the store knows. Raises Refused for filters that name what there is not."""
    today = utc(from_env().now_ns()).date()
    scope = asker.scope.advertisers(store)
    currencies: dict[str, set[str]] = {"advertiser": set(), "exchange": set()}
    for kind, currency in store.query(
        f"SELECT kind, cur FROM (SELECT dimension AS kind, id, {TODAY['currency']} AS cur FROM names"
        " WHERE dimension IN ('advertiser', 'exchange') GROUP BY dimension, id) GROUP BY kind, cur"
    ):
        currencies[str(kind)].add(str(currency))
    if len(currencies["advertiser"]) == 1:  # unless something was booked for one that has no name yet
        (only,) = currencies["advertiser"]
        other = "SELECT toString(currency) FROM delivery_day WHERE currency NOT IN ('', %(only)s) LIMIT 1"
        currencies["advertiser"].update(str(row[0]) for row in store.query(other, {"only": only}))
    accounts, markets = frozenset(currencies["advertiser"]), frozenset(currencies["exchange"])
    values, words = meanings(store, request.by)
    known = Known(
        today, accounts, markets, conditions(store, request.filters, scope is not None), None, scope, values, words
    )
    if request.currency and (not accounts or {*accounts, *markets} - {request.currency}):
        return _with_rates(store, request, known, asker)
    return known


def _with_rates(store: Store, request: Request, known: Known, asker: Asker) -> Known:
    """Raises Refused where a day's rate is missing for money that was booked on it."""
    span = store.query(
        "SELECT toString(currency) AS cur, exchange, toString(min(day)), toString(max(day)) FROM delivery_day"
        " WHERE spend != 0 OR fees != 0 OR bid_price != 0 OR conversion_value != 0 OR win_max_price != 0"
        " GROUP BY cur, exchange"
    )
    sold_in = {
        int(id_): str(currency)
        for id_, currency in store.query(
            f"SELECT id, {TODAY['currency']} FROM names WHERE dimension = 'exchange' GROUP BY id"
        )
    }
    begin, end = request.period.begin, request.last
    seen: dict[str, tuple[date, date]] = {}
    for currency, exchange, first, last in span:
        low = max(date.fromisoformat(first), begin - timedelta(days=1) if begin else date.min)
        high = min(date.fromisoformat(last), end + timedelta(days=1) if end else date.max)
        for each in {str(currency), sold_in.get(int(exchange), "")} - {""}:
            if low <= high:
                before = seen.get(each, (low, high))
                seen[each] = (min(low, before[0]), max(high, before[1]))
    first_day = min((low for low, _ in seen.values()), default=known.today)
    last_day = max([known.today, *(high for _, high in seen.values())]) + timedelta(days=1)
    found = {*known.accounts, *known.markets, *seen} - {""}
    rates = rates_to(request.currency, found, asker.rates(), first_day, last_day)
    problems = []
    for currency, (low, high) in sorted(seen.items()):
        days = rates.per_day[currency][(low - first_day).days : (high - first_day).days + 1]
        if 0 in days:
            day = low + timedelta(days=days.index(0))
            problems.append(
                Problem(
                    "currency", request.currency, f"there must be a rate with {currency} of {day} or before: add it"
                )
            )
    if problems:
        raise Refused(problems)
    return replace(known, rates=rates)


def _lines(store: Store, request: Request, known: Known, asker: Asker, limit: int = 0) -> Iterator[list[Line]]:
    query = build(request, known, limit)
    read = _reader(request, query, known)
    sql = f"{f'/* {asker.mark} */ ' if asker.mark else ''}{query.sql}"
    if limit:
        yield [read(row) for row in store.query(sql, query.parameters or None)]
        return
    for rows in store.stream(sql, query.parameters or None):
        yield [read(row) for row in rows]


def _reader(request: Request, query: Query, known: Known) -> Callable[[Sequence[Any]], Line]:
    """A row of the query as a line."""
    by, labelled = request.by, query.labelled
    named = {name: len(by) + place for place, name in enumerate(labelled)}
    writes: list[tuple[str, Callable[[Any], str]]] = []
    for name in by:
        if name in known.words:
            writes.append((name, _memory(partial(_word, known.words[name]))))
        elif name in TIMES and name not in ("hour_of_day", "day_of_week"):
            writes.append((name, _memory(partial(_time, name))))
        else:
            writes.append((name, _memory(DIMENSIONS[name].label)))
    money, sold, first = len(by) + len(labelled), len(by) + len(labelled) + 1, len(by) + len(labelled) + 2
    sums, after = query.sums, first + len(query.sums)

    def read(row: Sequence[Any]) -> Line:
        labels = {
            name: row[named[name]] if name in named else write(row[place]) for place, (name, write) in enumerate(writes)
        }
        return Line(
            labels,
            {name: int(row[place]) for place, name in enumerate(by) if name in named},
            row[money],
            dict(zip(sums, map(int, row[first:after]), strict=True)),
            row[sold],
            dict(zip(sums, map(int, row[after:]), strict=True)) if request.compare else None,
        )

    return read


def _word(words: Sequence[str], key: Any) -> str:
    return words[int(key)]


def _time(name: str, key: Any) -> str:
    return time_label(name, int(key))


def _memory(write: Callable[[Any], str]) -> Callable[[Any], str]:
    """Few different keys come in many rows."""
    known: dict[Any, str] = {}

    def told(key: Any) -> str:
        if (text := known.get(key)) is None:
            if len(known) > 10_000:
                known.clear()
            text = known[key] = write(key)
        return text

    return told


def books(store: Store) -> list[dict[str, Any]]:
    """For each exchange its key, currency and counts, and the spend in nanos of its currency, as the exchange's books
    have it.
    """
    found: dict[int, dict[str, Any]] = {}
    names = (
        "SELECT id, argMax(key, version), argMax(currency, version) FROM names WHERE dimension = 'exchange' GROUP BY id"
    )
    for id_, key, currency in store.query(names):
        found[int(id_)] = {"exchange": key, "currency": currency, **dict.fromkeys(COUNTS[1:], 0), "spend": 0}
    for line in run(store, Request(("exchange",), metrics=(*COUNTS[1:], "exchange_spend"))):
        if entry := found.get(line.ids["exchange"]):
            for name in COUNTS[1:]:
                entry[name] += line.sums[name] or 0
            entry["spend"] += line.sums["exchange_spend"] or 0
    return [found[id_] for id_ in sorted(found)]
