"""What docs/money.md says that every combination of notices books, tried: tracker, ledger and leases together."""

import itertools
import re
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from campaigns.store import Store
from domain.campaign import Advertiser, Campaign, Limits, LineItem, Snapshot, Targeting
from domain.clock import SECOND, ManualClock
from domain.creative import every_format
from domain.events import PROOFS, Event, Kind, Mark, Notice
from domain.exchange import Exchange, PriceSource
from domain.keys import Keys
from domain.token import Token
from pacing.ledger import read_books, read_settlements
from pacing.protocol import Heartbeat, Register, Settlement
from pacing.treasury import Treasury
from simulator.sealed_price import encrypt
from trackers.counting import facts, mark_notice
from trackers.desk import Desk
from trackers.directory import Directory, Listing
from trackers.notices import read_notice

MONEY = Path(__file__).parents[3] / "docs" / "money.md"
NOON = 1_790_000_000 // 86_400 * 86_400 * SECOND + 12 * 3600 * SECOND
BID, EXPIRY_S = 2_000_000, 300
KEY = urlsafe_b64encode(bytes(range(64))).decode()
SOURCES: dict[PriceSource, int] = {"macro": 1, "encrypted": 2, "none": 3}
EXCHANGES = (
    Exchange(1, "open", "USD", every_format("burl")),
    Exchange(2, "sealed", "USD", every_format("burl"), price_source=every_format("encrypted"), price_key=KEY),
    Exchange(3, "silent", "USD", every_format("burl"), price_source=every_format("none")),
)
ADVERTISER = Advertiser(1, "bank", "Bank", "USD", "UTC", "bank.example", ())
SNAPSHOT = Snapshot(
    version=1,
    published_ns=0,
    exchanges=EXCHANGES,
    rates=(),
    advertisers=(ADVERTISER,),
    campaigns=(Campaign(1, "c", 1, "", 0, 2**62, Limits(total_budget=10**15)),),
    line_items=(LineItem(1, "l", 1, "", BID, Targeting(), (1,), pacing="asap"),),
    creatives=(),
    deals=(),
    audiences=(),
)


class Row(NamedTuple):
    """A line of the table, as text."""

    comes: str
    books: str
    marks: str
    reservation: str


def table(heading: str) -> list[Row]:
    found = re.search(rf"^\| {heading} \|.*\n\|[-|]*\n((?:\|.*\n)+)", MONEY.read_text(), re.MULTILINE)
    assert found, heading
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in found[1].splitlines()]


TOLD, UNTOLD = table("comes"), table("comes without prices")


class House:
    """A tracker's reading and memory, and a treasury with one lease; leases say what is given back."""

    def __init__(self, data: Path, store: Store) -> None:
        self.data, self.clock = data, ManualClock(NOON)
        (data / "directory").write_bytes(msgspec.msgpack.encode(Listing(1, (ADVERTISER,), EXCHANGES)))
        directory = Directory("http://127.0.0.1:1/", data / "directory")
        self.desk = Desk(Keys(bytes(16), bytes(16), bytes(32)), self.clock, None, directory, "money/0", data)  # type: ignore[arg-type]
        self.memory: dict[bytes, bytes] = {}
        self.log: list[Event] = []
        self.store = store
        self.treasury = Treasury(self.store.write, data, self.clock, SNAPSHOT)
        self.treasury._logs = self  # type: ignore[assignment]
        worker = self.treasury.register(Register("h", 1))
        (grant,) = self.treasury.heartbeat(Heartbeat(worker)).grants
        self.lease, self.given_back = grant.lease, list[tuple[int, int]]()
        self.treasury._leases.release = lambda *what: self.given_back.append(what)  # type: ignore[method-assign]
        self.bids, self.last = itertools.count(1), 0

    def read(self, limit: int) -> tuple[str, int, list[Event]]:
        """As `pacing.settler.MoneyLogs` reads."""
        batch, self.log = self.log[:limit], self.log[limit:]
        return "money/0", 0, batch

    def booked(self, name: str, position: int) -> None:
        """As there: nothing is kept of it."""

    def complete_ns(self, now_ns: int) -> int:
        """As there: no lease runs out here."""
        return 0

    def token(self, basis: Kind, source: PriceSource, test: bool) -> Token:
        return Token(
            bid=next(self.bids), imp=0, bid_ns=self.clock.now_ns(), person=0, site=0, max_price=BID, advertiser=1,
            campaign=1, line_item=1, creative=1, deal=0, lease=self.lease, rate=0, terms=0, exchange=SOURCES[source],
            expiry_s=EXPIRY_S, basis=int(basis), format=0, test=test,
        )  # fmt: skip

    def receive(self, token: Token, kind: Kind, query: dict[str, str]) -> Notice:
        """What the tracker logs."""
        notice = mark_notice(read_notice(self.desk, token, kind, query), self.memory.get)
        self.memory |= {fact.key: fact.value for fact in facts(notice) if fact.table == "seen"}
        self.log.append(notice)
        return notice

    def settle(self) -> list[Settlement]:
        """Books what is new, as one batch; returns it."""
        self.treasury.settle(1000)
        with self.store.read() as conn:
            rows = read_settlements(conn, self.last, 1000)
        self.last = rows[-1].id if rows else self.last
        return list(rows)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, new_store_url: Callable[[], str]) -> Iterator[House]:
    with closing(Store(new_store_url())) as store:
        yield House(tmp_path_factory.mktemp("house"), store)


def query(words: list[str], source: PriceSource) -> dict[str, str]:
    """How the exchange (or, where prices are told nowhere, somebody else) writes the price."""
    price, currency = words[0], (words[1:] or ["USD"])[0]
    if price == "untold":
        price = ""
    elif source == "encrypted" and re.fullmatch(r"[\d.]+", price):
        price = encrypt(round(float(price) * 1_000_000), KEY, bytes(16))
    return {"e" if source == "encrypted" else "p": price, "c": currency}


def play(house: House, row: Row, sources: tuple[PriceSource, ...], together: bool) -> None:
    """All that comes in a row of the table, for each basis and both ways in which *other* and *third* can be meant; one
    notice of each bid at a time is booked, or all of them together.
    """
    cases = []
    for source, (basis, other, third) in itertools.product(sources, itertools.permutations(PROOFS)):
        token = house.token(basis, source, row.comes.startswith("test "))
        cases.append((token, source, {"basis": basis, "other": other, "third": third, "loss": Kind.LOSS}))
    house.given_back.clear()
    marks: dict[int, list[Mark]] = {token.bid: [] for token, *_ in cases}
    booked: dict[int, list[tuple[int, bool, int]]] = {token.bid: [] for token, *_ in cases}
    comes = row.comes.split("; ")
    for place, notice in enumerate(comes):
        words = notice.removeprefix("test ").split()
        if words[0] == "late":
            house.clock.advance(EXPIRY_S + 1)
            words.pop(0)
        for token, source, meant in cases:
            told = query(words[1:], source) if words[1:] else {}
            marks[token.bid].append(Mark(house.receive(token, meant[words[0]], told).marks))
        if not together or place == len(comes) - 1:
            for s in house.settle():
                booked[s.bid].append((s.price, s.estimated, s.number))
    for token, *case in cases:
        assert marks[token.bid] == [read_marks(text) for text in row.marks.split("; ")], case
        assert booked[token.bid] == read_books_cell(row.books), case
    assert house.given_back == [(house.lease, BID)] * (len(cases) if row.reservation == "given back" else 0)


def read_marks(text: str) -> Mark:
    assert text
    return Mark(sum(Mark[word] for word in text.split() if word != "none"))


def read_books_cell(text: str) -> list[tuple[int, bool, int]]:
    """``2.00 estimated, then 1.20`` -> (price or difference, estimated, number) of each settlement."""
    if text == "nothing":
        return []
    first, *corrected = text.split(", then ")
    amount, *estimated = first.split()
    rows = [(round(float(amount) * 1_000_000), estimated == ["estimated"], 0)]
    for price in corrected:
        rows.append((round(float(price) * 1_000_000) - rows[-1][0], False, len(rows)))
    return rows


def test_there_are_rows() -> None:
    assert len(TOLD) > 60 and len(UNTOLD) > 10
    assert {row.reservation for row in TOLD + UNTOLD} == {"given back", "held"}
    assert len({row.comes for row in TOLD}) == len(TOLD) and len({row.comes for row in UNTOLD}) == len(UNTOLD)


@pytest.mark.parametrize("together", [False, True], ids=["notice by notice", "together"])
@pytest.mark.parametrize("row", TOLD, ids=lambda row: row.comes)
def test_where_prices_are_told(house: House, row: Row, together: bool) -> None:
    play(house, row, ("macro", "encrypted"), together)


@pytest.mark.parametrize("together", [False, True], ids=["notice by notice", "together"])
@pytest.mark.parametrize("row", UNTOLD, ids=lambda row: row.comes)
def test_where_prices_are_not_told(house: House, row: Row, together: bool) -> None:
    play(house, row, ("none",), together)


def test_the_sums_say_what_the_rows_say(tmp_path: Path, store: Store) -> None:
    house = House(tmp_path, store)
    played: Counter[str] = Counter()
    for row in TOLD:
        play(house, row, ("macro",), True)
        rows = read_books_cell(row.books)
        if rows:
            played["billed"] += 6
            played["spend"] += 6 * sum(price for price, *_ in rows)
            played["estimated"] += 6 * rows[-1][1]
            played["late"] += 6 * ("late basis" in row.comes and row.comes != "basis 1.50; late basis 1.50")
    with house.store.read() as conn:
        sums = read_books(conn, EXCHANGES)[0]
    assert {name: getattr(sums, name) for name in played} == played
    (delivered,) = house.treasury.delivery()
    assert delivered.spent_today == played["spend"]
