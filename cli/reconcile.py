"""``outbid reconcile``: the exchange's own books, the ledger and the analytics store side by side.

The three are computed by three programs, each from what it saw itself. After a drain (nothing on its way, ledger and
store caught up with the event logs) they must agree to the last event and the last nano.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

    from domain.settings import Places

FIGURES = (
    *("wins", "impressions", "clicks", "conversions", "starts", "completes", "measured", "viewable"),
    *("billed", "spend"),
)
BOOKS = ("exchange", "ledger", "store")
"""Whose books; the ledger knows of money only: ``billed`` and ``spend``."""

TIMEOUT_S = 90.0
POLL_S = 0.2
STILL_S = 2.0
"""Books that differ must stand still so long before they are said to differ."""

Line = dict[str, Any]

NOT_BILLED = {
    "untold": "won, but no notice of it reached us: not billed",
    "uncounted": "audits and tests: they count nowhere",
    "refused": "genuine notices that the tracker refused",
}
BILLED = {
    "late": "billed after the bid's expiry",
    "estimated": "billed at what was bid, as no price was told: see outbid prices reconcile",
}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("reconcile", help="compare the exchange's books, the ledger and the analytics store")
    command.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT_S,
        metavar="S",
        help="seconds to wait for the drain (default: %(default)s)",
    )
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from domain.settings import places

    return 0 if show(asyncio.run(reconcile(places(), asked.timeout))) else 1


@dataclass(frozen=True)
class ThreeBooks:
    """One exchange's figures, as each of `BOOKS` has them; spend in nanos of ``currency``."""

    exchange: str
    currency: str
    figures: tuple[dict[str, int], ...]

    def differences(self) -> Iterator[str]:
        for name in FIGURES:
            told = {who: book[name] for who, book in zip(BOOKS, self.figures, strict=True) if name in book}
            if len(set(told.values())) > 1:
                yield f"{self.exchange}: {name}: " + ", ".join(f"{who} {value}" for who, value in told.items())


@dataclass(frozen=True)
class Reconciliation:
    books: tuple[ThreeBooks, ...]
    waiting: tuple[str, ...]
    """What had not drained."""
    notes: tuple[str, ...]
    """What the exchange shows apart, because it counts nowhere; and what of the ledger's is late or estimated."""

    @property
    def differences(self) -> list[str]:
        return [line for book in self.books for line in book.differences()]

    @property
    def agree(self) -> bool:
        return not self.waiting and not self.differences


async def reconcile(places: "Places", timeout_s: float = TIMEOUT_S) -> Reconciliation:
    """Compares as soon as everything has drained; gives up waiting after ``timeout_s``."""
    import aiohttp

    begin = still_since = time.monotonic()
    earlier: Reconciliation | None = None
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        while True:
            found = await _read(session, places)
            now = time.monotonic()
            if found != earlier:
                earlier, still_since = found, now
            stands_still = not found.waiting and now - still_since > STILL_S
            if found.agree or stands_still or now - begin > timeout_s:
                return found
            await asyncio.sleep(POLL_S)


async def _read(session: "aiohttp.ClientSession", places: "Places") -> Reconciliation:
    """One look at all three; whether each has caught up is asked in the order that events flow."""
    import aiohttp

    from cli.ask import authorization
    from simulator.books import totals
    from simulator.run import books_path

    theirs = [asdict(line) for line in totals(books_path(places))]
    ledger: list[Line] = []
    store: list[Line] = []
    waiting = []
    if pending := sum(line["pending"] for line in theirs):
        waiting.append(f"{pending} notices are not acknowledged; `outbid simulate` sends them again")
    try:
        booked = await _get(session, f"{places.control_base}/v1/books")
        lag = await _get(session, f"{places.reporter_base}/v1/lag")
        ledger, store = booked["exchanges"], await _get(session, f"{places.reporter_base}/v1/books", authorization())
        if booked["behind"]:
            waiting.append(f"the ledger is {booked['behind']} bytes of event log behind")
        if lag["behind"]:
            waiting.append(f"the analytics store is {lag['behind']} behind")
    except (aiohttp.ClientError, TimeoutError) as error:
        waiting.append(f"control and the reporter must both answer: {error}")
    notes = *_notes(theirs, NOT_BILLED), *_notes(ledger, BILLED)
    return Reconciliation(tuple(_side_by_side(theirs, ledger, store)), tuple(waiting), notes)


async def _get(session: "aiohttp.ClientSession", url: str, headers: Mapping[str, str] | None = None) -> Any:
    async with session.get(url, headers=headers, raise_for_status=True) as answer:
        return await answer.json(content_type=None)


def _side_by_side(*sides: Iterable[Line]) -> Iterator[ThreeBooks]:
    """An exchange that one of them has never heard of stands there with zeros."""
    by_key = [{line["exchange"]: line for line in side} for side in sides]
    known = [FIGURES, ("billed", "spend"), FIGURES]
    for key in sorted(set().union(*by_key)):
        lines = [side.get(key, {}) for side in by_key]
        currency = next(line["currency"] for line in lines if line)
        figures = tuple({n: int(line.get(n, 0)) for n in names} for line, names in zip(lines, known, strict=True))
        yield ThreeBooks(key, currency, figures)


def _notes(lines: Iterable[Line], apart: dict[str, str]) -> Iterator[str]:
    for line in lines:
        yield from (f"{line['exchange']}: {line[name]} {what}" for name, what in apart.items() if line.get(name))


def show(found: Reconciliation) -> bool:
    """Prints the three books and the verdict, which it returns."""
    from rich.console import Console
    from rich.table import Table

    from domain.money import format_nanos

    table = Table(
        "exchange", "books of", *(name for name in FIGURES if name != "spend"), "spend", box=None, pad_edge=False
    )
    for column in table.columns[2:]:
        column.justify = "right"
    for book in found.books:
        for who, figures in zip(("the exchange", "the ledger", "the analytics store"), book.figures, strict=True):
            counts = [f"{figures[name]:,}" if name in figures else "" for name in FIGURES[:-1]]
            table.add_row(book.exchange, who, *counts, f"{format_nanos(figures['spend'])} {book.currency}")
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    console.print(table)
    for line in found.notes:
        console.print(f"  {line}", style="dim")
    for line in found.waiting:
        console.print(f"not drained: {line}", style="bold red")
    for line in found.differences:
        console.print(f"DIFFERS  {line}", style="bold red")
    if found.agree:
        sums = [sum(book.figures[0][name] for book in found.books) for name in FIGURES[:-1]]
        told = ", ".join(f"{value:,} {name}" for name, value in zip(FIGURES[:-1], sums, strict=True))
        spend = ", ".join(f"{format_nanos(book.figures[0]['spend'])} {book.currency}" for book in found.books)
        console.print(f"The books agree: {told}; spend {spend or '0'}.", style="bold green", soft_wrap=True)
    return found.agree
