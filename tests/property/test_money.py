"""Any history of settlements and entries by hand: the books are sound, and statements say what a plain list of what
happened says. The oracle keeps that list itself, and works amounts out with fractions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from campaigns.owners import payers
from campaigns.store import Store
from domain.clock import SECOND
from domain.errors import Refused
from pacing import adjustments, funds
from pacing.statement import Month, statement
from pacing.verification import verify
from tests.control_stores import new_control_store
from tests.finance import CNY_EUR, CNY_USD, FEES, LINE_ITEMS, USD_EUR, ZONES, Finance, Spent, at, note

FIRST, LAST = at("UTC", 2026, 9, 29), at("UTC", 2026, 12, 3)
MONTHS = ("2026-09", "2026-10", "2026-11", "2026-12")
MIDNIGHTS = [
    at(zone, 2026, month, 1) + shift
    for zone in set(ZONES.values())
    for month in (10, 11, 12)
    for shift in (-1, 0, 1, 3600 * SECOND)
]
moments = st.one_of(st.integers(FIRST, LAST), st.sampled_from(MIDNIGHTS))
amounts = st.integers(1, 10**12)
PAYERS = (("agency", "group"), ("advertiser", "bank"), ("advertiser", "shop"), ("advertiser", "late"))
ADVERTISER_OF = {
    ("agency", "group"): 0,
    ("advertiser", "bank"): 1,
    ("advertiser", "shop"): 2,
    ("advertiser", "late"): 3,
    **{("campaign", key): advertiser for key, advertiser in (("cards", 1), ("loans", 1), ("shoes", 2), ("later", 3))},
    **{("line_item", f"line{n}"): advertiser for n, (_, advertiser) in LINE_ITEMS.items()},
}

steps = st.one_of(
    st.tuples(
        st.just("spend"),
        st.lists(
            st.tuples(st.integers(1, 30), st.integers(1, 5), st.integers(1, 2), st.integers(0, 10**8), moments),
            min_size=1,
            max_size=8,
        ),
    ),
    st.tuples(st.just("top_up"), st.sampled_from(PAYERS), amounts, moments),
    st.tuples(st.just("refund"), st.sampled_from(PAYERS), amounts, moments),
    st.tuples(st.just("adjust"), st.sampled_from(sorted(ADVERTISER_OF)[1:]), amounts, st.booleans(), moments),
    st.tuples(st.just("credit"), st.sets(st.integers(1, 30), min_size=1, max_size=6), st.booleans(), moments),
    st.tuples(st.just("reverse"), st.integers(1, 40), moments),
    st.tuples(st.just("correct"), st.integers(1, 30), st.integers(0, 10**8), moments),
)


@dataclass
class Event:
    """On the account of an advertiser (0: on the agency's own)."""

    section: str
    advertiser: int
    at_ns: int
    amount: int
    line_item: int = 0
    fee: int = -1

    @property
    def month(self) -> str:
        zone = ZoneInfo(ZONES.get(self.advertiser, "America/New_York"))
        return datetime.fromtimestamp(self.at_ns // SECOND, zone).strftime("%Y-%m")


@dataclass
class Oracle:
    """What happened, as a plain list."""

    events: list[Event] = field(default_factory=list)
    bids: dict[int, Spent] = field(default_factory=dict)
    credited: dict[int, int] = field(default_factory=dict)
    by_hand: dict[int, list[Event]] = field(default_factory=dict)
    taken_back: set[int] = field(default_factory=set)

    @staticmethod
    def cost(spent: Spent) -> tuple[int, list[int]]:
        euro = LINE_ITEMS[spent.line_item][1] == 3
        rate = {(1, False): 10**9, (2, False): CNY_USD, (2, True): CNY_EUR, (1, True): USD_EUR}[spent.exchange, euro]
        media = round(Fraction(spent.price * rate, 10**9))  # Fraction rounds half to even
        return media, [int(Fraction(media * share, 10**6) // 1) + flat for share, flat in FEES[spent.line_item]]

    def spend(self, bids: list[Spent]) -> None:
        for spent in bids:
            if spent.bid not in self.bids:
                self.bids[spent.bid] = spent
                media, fees = self.cost(spent)
                advertiser = LINE_ITEMS[spent.line_item][1]
                self.events.append(Event("media", advertiser, spent.at_ns, media, spent.line_item))
                for n, fee in enumerate(fees):
                    self.events.append(Event("fees", advertiser, spent.at_ns, fee, spent.line_item, n))

    def correct(self, bid: int, price: int, at_ns: int) -> None:
        """Its price turns out to be another: the difference of all that it costs is of the time of the correction."""
        if bid in self.bids:
            before, after = self.bids[bid], replace(self.bids[bid], price=price)
            self.bids[bid] = after
            (media, fees), (was_media, were_fees) = self.cost(after), self.cost(before)
            more = media + sum(fees) - was_media - sum(were_fees)
            self.events.append(Event("corrections", LINE_ITEMS[after.line_item][1], at_ns, more))

    def enter(self, transaction: int, events: list[Event]) -> None:
        self.by_hand[transaction] = events
        self.events += events

    def balance(self, payer: tuple[str, str], until: str = "9999") -> int:
        return sum(event.amount for event in self.of(payer) if event.month <= until)

    def of(self, payer: tuple[str, str]) -> Iterator[Event]:
        mine = {0, 1, 2} if payer[0] == "agency" else {ADVERTISER_OF[payer]}
        return (event for event in self.events if event.advertiser in mine)


def run(world: Finance, oracle: Oracle, step: tuple) -> None:
    what, *rest = step
    if what == "spend":
        bids = [Spent(*fields) for fields in rest[0]]
        world.spend(bids, LAST)
        oracle.spend(bids)
        return
    if what == "correct":
        world.correct(*rest)
        oracle.correct(*rest)
        return
    *_, now = rest
    with world.store.write() as conn:
        if what in ("top_up", "refund"):
            payer, amount, _ = rest
            refused = what == "refund" and amount > -oracle.balance(payer)
            try:
                done = getattr(funds, what)(conn, world.accounts(), world.owner(*payer), amount, note(), now)
            except Refused:
                assert refused
                return
            assert not refused
            signed = amount if what == "refund" else -amount
            section = "refunds" if what == "refund" else "top-ups"
            oracle.enter(done.id, [Event(section, ADVERTISER_OF[payer], now, signed)])
        elif what == "adjust":
            whose, amount, debit, _ = rest
            signed = amount if debit else -amount
            done = adjustments.adjust(conn, world.accounts(), world.owner(*whose), signed, note(), now)
            oracle.enter(done.id, [Event("adjustments", ADVERTISER_OF[whose], now, signed)])
        elif what == "credit":
            bids, refunded, _ = rest
            left = {bid for bid in bids if bid not in oracle.credited}
            bad = any(bid not in oracle.bids or (refunded and oracle.bids[bid].exchange != 2) for bid in left)
            exchange = world.known.exchanges["cnx"] if refunded else None
            named = {bid: f"bid {bid}" for bid in bids}
            try:
                credit = adjustments.credit_bids(conn, world.accounts(), named, note(), now, exchange)
            except Refused:
                assert bad
                return
            assert not bad and set(credit.before) == bids - left
            if credit.booked is None:
                assert not left
                return
            sums: dict[int, int] = {}
            for bid in left:
                advertiser = LINE_ITEMS[oracle.bids[bid].line_item][1]
                media, fees = oracle.cost(oracle.bids[bid])
                sums[advertiser] = sums.get(advertiser, 0) - media - sum(fees)
            oracle.credited |= dict.fromkeys(left, credit.booked.id)
            oracle.enter(credit.booked.id, [Event("adjustments", who, now, n) for who, n in sums.items()])
        else:
            number, _ = rest
            possible = number in oracle.by_hand and number not in oracle.taken_back
            try:
                done = adjustments.reverse(conn, number, note(), now)
            except Refused:
                assert not possible
                return
            assert possible
            oracle.taken_back |= {number, done.id}
            again = [Event(e.section, e.advertiser, now, -e.amount) for e in oracle.by_hand[number]]
            oracle.enter(done.id, again)
            oracle.credited = {bid: of for bid, of in oracle.credited.items() if of != number}


def check(world: Finance, oracle: Oracle) -> None:
    store = world.store
    with store.read() as conn:
        assert verify(conn, LAST).faults == ()
        unbalanced = conn.execute(
            text(
                "SELECT p.transaction_id FROM postings p JOIN accounts a ON a.id = p.account_id "
                "GROUP BY p.transaction_id, a.currency HAVING sum(p.amount) <> 0"
            )
        ).fetchall()
        assert unbalanced == []
        left = funds.paid_in(conn)
        for balance in funds.balances(conn, payers(world.known)):
            payer = balance.payer.owner.kind, balance.payer.owner.key
            assert balance.owed == oracle.balance(payer)
            by_section = {"top-ups": 0, "refunds": 0, "adjustments": 0, "media": 0, "fees": 0, "corrections": 0}
            for event in oracle.of(payer):
                by_section[event.section] += event.amount
            assert balance.paid_in == -by_section["top-ups"] - by_section["refunds"]
            assert balance.adjustments == -by_section["adjustments"]
            assert balance.spent == by_section["media"] + by_section["fees"] + by_section["corrections"]
            assert left.get((payer[0], balance.payer.owner.id), 0) == balance.paid_in + balance.adjustments
        for payer in PAYERS:
            before = 0
            for month in MONTHS:
                told = statement(conn, world.owner(*payer), Month.read(month), {}, ZONES)
                assert told.opening == before
                before = told.closing
                assert told.closing == oracle.balance(payer, month)
                mine = [event for event in oracle.of(payer) if event.month == month]
                for section in ("top-ups", "refunds", "media", "fees", "adjustments", "corrections"):
                    said = sum(line.amount for line in told.lines if line.section == section)
                    assert said == sum(event.amount for event in mine if event.section == section), section
                media: dict[str, int] = {}
                for event in mine:
                    if event.section == "media":
                        key = f"#{event.line_item}"
                        media[key] = media.get(key, 0) + event.amount
                assert {line.line_item.key: line.amount for line in told.lines if line.section == "media"} == media
                rounded = told.rounded(told.opening) + sum(told.rounded(line.amount) for line in told.lines)
                assert rounded + told.rounding == told.rounded(told.closing)
            assert before == oracle.balance(payer)


@settings(max_examples=30, deadline=None)
@given(st.lists(steps, max_size=25))
def test_any_history_adds_up(tmp_path_factory: pytest.TempPathFactory, history: list[tuple]) -> None:
    store = new_control_store(tmp_path_factory.mktemp("money") / "control.sqlite")
    world, oracle = Finance(store), Oracle()
    for step in history:
        run(world, oracle, step)
    check(world, oracle)
    store.close()


def test_one_history_in_either_database(store: Store) -> None:
    """Of everything something, so that PostgreSQL answers each query as SQLite does."""
    october = at("America/New_York", 2026, 10, 5)
    history = [
        ("top_up", ("agency", "group"), 5 * 10**9, october),
        ("spend", [(n, 1 + n % 5, 1 + n % 2, 9_999_999 + n, MIDNIGHTS[n]) for n in range(1, 20)]),
        ("correct", 2, 5_000_001, october),
        ("credit", {1, 2, 3}, False, october),
        ("correct", 3, 1, october + 30 * 86_400 * SECOND),
        ("correct", 4, 99_999_999, october),
        ("credit", {5, 7}, True, october),
        ("adjust", ("line_item", "line4"), 77, True, october),
        ("reverse", 40, october),
        ("refund", ("agency", "group"), 10**9, october + 40 * 86_400 * SECOND),
    ]
    world, oracle = Finance(store), Oracle()
    for step in history:
        run(world, oracle, step)
    assert len(oracle.by_hand) == 5
    run(world, oracle, ("reverse", min(oracle.by_hand), october))
    check(world, oracle)
