"""A small world of payers, fees and exchanges for tests of the ledger's money side, on a control store.

group (agency, prepaid, New York) -> bank (New York) and shop (Berlin); late (EUR, credit of 100, Berlin) has no agency.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from campaigns import catalogue
from campaigns.catalogue import Catalogue
from campaigns.fee_terms import agree
from campaigns.owners import agencies, owner
from campaigns.snapshot import compile_snapshot
from campaigns.store import Store
from domain.campaign import Advertiser, Agency, Audience, Campaign, Fee, LineItem, Rate, Targeting
from domain.clock import SECOND
from domain.creative import every_format
from domain.events import Kind, Notice
from domain.exchange import Exchange
from domain.money import NANOS
from pacing import counters, lease_store
from pacing.accounts import Accounts, Owner
from pacing.by_hand import Note
from pacing.corrections import Told, correct, standing
from pacing.ledger import Bill, book
from pacing.notices import Terms
from targeting.expression import published

CNY_USD, CNY_EUR, USD_EUR = 140_000_000, 129_198_966, 917_431_193
ZONES = {1: "America/New_York", 2: "Europe/Berlin", 3: "Europe/Berlin"}
"""Of advertisers, by id."""
LINE_ITEMS = {1: (1, 1), 2: (1, 1), 3: (2, 1), 4: (3, 2), 5: (4, 3)}
"""Campaign and advertiser of each."""
FEES = {1: ((125_000, 0), (0, 50_000), (0, 400_000)), 2: ((125_000, 0), (0, 50_000)), 3: (), 4: ((30_000, 0),), 5: ()}
"""Of each line item: (millionths, nanos an impression) of platform or margin, serving, data."""


def catalogue_of_tests() -> Catalogue:
    audience = published({"audience": ("7",)})
    campaigns = [
        Campaign(1, "cards", 1, "Credit cards", 0, 2**62),
        Campaign(2, "loans", 1, "Loans", 0, 2**62, fees=()),
        Campaign(3, "shoes", 2, "Shoes", 0, 2**62),
        Campaign(4, "later", 3, "Pay later", 0, 2**62),
    ]
    items = [
        LineItem(n, f"line{n}", campaign, f"Line {n}", 3_000_000, audience if n == 1 else Targeting(), ())
        for n, (campaign, _) in LINE_ITEMS.items()
    ]
    advertisers = [
        Advertiser(1, "bank", "Bank", "USD", ZONES[1], "bank.example", (), agency=1, fees=(1, 2)),
        Advertiser(2, "shop", "Shop", "USD", ZONES[2], "shop.example", (), agency=1, fees=(3,)),
        Advertiser(3, "late", "Late", "EUR", ZONES[3], "late.example", (), funding="credit", credit_limit=100 * NANOS),
    ]
    fees = [
        Fee(1, "platform", "Platform fee", share_ppm=125_000),
        Fee(2, "serving", "Ad serving", cpm=50_000),
        Fee(3, "margin", "Margin", share_ppm=30_000),
    ]
    return Catalogue(
        exchanges={
            "usx": Exchange(1, "usx", "USD", every_format("burl")),
            "cnx": Exchange(2, "cnx", "CNY", every_format("impression")),
        },
        rates=[
            Rate(1, "CNY", "USD", "2020-01-01", CNY_USD),
            Rate(2, "CNY", "EUR", "2020-01-01", CNY_EUR),
            Rate(3, "USD", "EUR", "2020-01-01", USD_EUR),
        ],
        agencies={"group": Agency(1, "group", "Group", "USD", "America/New_York", funding="prepaid")},
        fees={fee.key: fee for fee in fees},
        advertisers={one.key: one for one in advertisers},
        audiences={"people": Audience(7, "people", 1, "People", 10, data_cpm=400_000)},
        campaigns={one.key: one for one in campaigns},
        line_items={one.key: one for one in items},
    )


RATES = {("USD", "USD"): 0, ("CNY", "USD"): 1, ("CNY", "EUR"): 2, ("USD", "EUR"): 3}


def at(zone: str, *when: int) -> int:
    return int(datetime(*when, tzinfo=ZoneInfo(zone)).timestamp()) * SECOND


def note(reason: str = "as agreed", reference: str | None = None) -> Note:
    return Note("tester", reason, reference)


@dataclass(frozen=True)
class Spent:
    """One billed bid: its price in the exchange's currency, and when it was received."""

    bid: int
    line_item: int
    exchange: int
    price: int
    at_ns: int


class Finance:
    def __init__(self, store: Store) -> None:
        self.store, self.known = store, catalogue_of_tests()
        with store.write() as conn:
            catalogue.save(conn, Catalogue(), self.known)
            agreed = agree(conn, self.known)
            counters.raise_to(conn, "line_items", len(LINE_ITEMS))
        self.snapshot = compile_snapshot(self.known, 0, agreed)
        self.terms_of = {item.id: item.terms for item in self.snapshot.line_items}
        self.terms = Terms(self.snapshot)

    def accounts(self) -> Accounts:
        return Accounts(agencies(self.known))

    def owner(self, kind: str, key: str) -> Owner:
        return owner(self.known, kind, key)

    def notice(self, spent: Spent) -> Notice:
        campaign, advertiser = LINE_ITEMS[spent.line_item]
        currencies = ("USD", "CNY")[spent.exchange - 1], "EUR" if advertiser == 3 else "USD"
        return Notice(
            kind=Kind.BILLING, received_ns=spent.at_ns, marks=0, bid=spent.bid, imp=0, bid_ns=spent.at_ns,
            exchange=spent.exchange, advertiser=advertiser, campaign=campaign, line_item=spent.line_item, creative=1,
            deal=0, site=5, person=6, lease=0, rate=RATES[currencies], max_price=10**9, basis=Kind.BILLING,
            price=spent.price, loss_reason=0, min_to_win=0, terms=self.terms_of[spent.line_item],
        )  # fmt: skip

    def spend(self, bids: Iterable[Spent], now_ns: int) -> list[Bill]:
        """Books them as the settler does, in one transaction."""
        with self.store.write() as conn:
            bills = [self.terms.bill(conn, self.notice(spent), None) for spent in bids]
            booked = book(conn, self.accounts(), bills, now_ns)
            lease_store.spend(conn, booked)
            return booked

    def correct(self, bid: int, price: int, now_ns: int) -> None:
        """Books another price for a bid that was billed, as the exchange's file would."""
        with self.store.write() as conn:
            changes = [(one, Told(bid, price, "invoice.csv")) for one in standing(conn, [bid]).values()]
            lease_store.spend(conn, correct(conn, self.accounts(), changes, self.terms.zone, now_ns))
