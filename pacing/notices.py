"""What a batch of the money log means for the ledger and for leases.

The event of an exchange's billing basis books a bid, once. It and a loss give the bid's reservation back, whichever
comes first. If it tells no price, the first that any notice of the bid tells is the price: one that was told before is
remembered for it, one that comes later corrects the estimate.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, select

from domain.campaign import FeeTerms, Rate, Snapshot
from domain.events import NOT_COUNTED, PROOFS, Event, Kind, Mark, Notice, tells_price
from domain.fees import gross, shares
from domain.money import RATE_UNIT, convert_up
from pacing import bulk
from pacing.corrections import Told
from pacing.days import day_of
from pacing.fee_terms import stored
from pacing.ledger import Bill
from pacing.protocol import Settlement
from pacing.tables import flights, rates

# plain integers: a flag's own & is slow
_NOT_COUNTED, _NO_PRICE = int(NOT_COUNTED), int(Mark.NO_PRICE)


class UnknownNames(LookupError):
    """A notice names an exchange, advertiser or exchange rate that this control store never had."""


@dataclass
class Flight:
    """What notices said about one bid so far."""

    bid: int
    lease: int
    released: bool = False
    told_price: int | None = None


class Terms:
    """Currencies, zones, exchange rates and fees by id, as they were when a bid was made: these never change."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.exchange_currency = {e.id: e.currency for e in snapshot.exchanges}
        self.account = {a.id: (a.currency, a.time_zone) for a in snapshot.advertisers}
        self._rates: dict[int, Rate] = {rate.id: rate for rate in snapshot.rates}
        self._fees: dict[int, FeeTerms] = {terms.id: terms for terms in snapshot.terms}

    def per_unit(self, conn: Connection, notice: Notice) -> int:
        """Account nanos for 10⁹ nanos of the exchange's currency. Rate 0 stands for the same currency on both sides."""
        if notice.rate == 0:
            return RATE_UNIT
        if notice.rate not in self._rates:
            row = conn.execute(select(rates).where(rates.c.id == notice.rate)).one_or_none()
            if row is None:
                raise UnknownNames(f"exchange rate {notice.rate}, of bid {notice.bid}, is not in the store")
            self._rates[notice.rate] = Rate(*row)
        return self._rates[notice.rate].per_unit

    def fees(self, conn: Connection, notice: Notice) -> FeeTerms | None:
        """The fees that the bid was made under; None if there are none."""
        if notice.terms == 0:
            return None
        if notice.terms not in self._fees:
            found = stored(conn, notice.terms)
            if found is None:
                raise UnknownNames(f"fee terms {notice.terms}, of bid {notice.bid}, are not in the store")
            self._fees[notice.terms] = found
        return self._fees[notice.terms]

    def reserved(self, conn: Connection, notice: Notice) -> int:
        """What the worker reserved for the bid: account nanos, to the last one."""
        return gross(convert_up(notice.max_price, self.per_unit(conn, notice)), *shares(self.fees(conn, notice)))

    def zone(self, advertiser: int) -> str:
        return self.account[advertiser][1]

    def bill(self, conn: Connection, notice: Notice, told_price: int | None) -> Bill:
        """The bill for a notice. If it tells no price: what was told before, else what was bid, as an estimate."""
        try:
            currency = self.exchange_currency[notice.exchange]
            account_currency, zone = self.account[notice.advertiser]
        except KeyError as error:
            raise UnknownNames(f"bid {notice.bid} names id {error}, which is not in the store") from None
        untold = bool(notice.marks & _NO_PRICE)
        fallback = notice.max_price if told_price is None else told_price
        settlement = Settlement(
            id=0,
            received_ns=notice.received_ns,
            bid=notice.bid,
            exchange=notice.exchange,
            advertiser=notice.advertiser,
            campaign=notice.campaign,
            line_item=notice.line_item,
            creative=notice.creative,
            deal=notice.deal,
            site=notice.site,
            price=fallback if untold else notice.price,
            currency=currency,
            account_price=0,
            account_currency=account_currency,
            estimated=untold and told_price is None,
            marks=notice.marks,
            context=notice.context,
        )
        per_unit = self.per_unit(conn, notice)
        day = day_of(notice.received_ns, zone).name
        return Bill(settlement, notice.rate, per_unit, day, self.fees(conn, notice))


@dataclass
class Outcome:
    """Of a batch: what to book, (lease, amount in account nanos) of reservations that ended, and prices told beside the
    bills.
    """

    bills: list[Bill] = field(default_factory=list)
    releases: list[tuple[int, int]] = field(default_factory=list)
    told: list[tuple[int, Told]] = field(default_factory=list)
    """With their places in the batch."""
    billed_at: dict[int, int] = field(default_factory=dict)
    """Place in the batch of each bid's first bill."""

    def told_since(self, booked: Iterable[Bill]) -> list[Told]:
        """Prices told after what they could correct: after the bill where that was booked from this batch."""
        since = {bill.settlement.bid: self.billed_at[bill.settlement.bid] for bill in booked}
        return [told for place, told in self.told if place > since.get(told.bid, -1)]


def weigh(conn: Connection, events: Iterable[Event], terms: Terms, known_lease: Callable[[int], bool]) -> Outcome:
    """Works a batch out, and remembers what has to be known of its bids while their leases last."""
    outcome = Outcome()
    notices = [event for event in events if isinstance(event, Notice) and _matters(event)]
    seen = _load(conn, {notice.bid for notice in notices})
    changed: dict[int, Flight] = {}
    for place, notice in enumerate(notices):
        flight = seen.setdefault(notice.bid, Flight(notice.bid, notice.lease))
        if notice.kind == notice.basis and not notice.marks & _NOT_COUNTED:
            outcome.bills.append(terms.bill(conn, notice, flight.told_price))
            outcome.billed_at.setdefault(notice.bid, place)
        if tells_price(notice):
            outcome.told.append((place, Told(notice.bid, notice.price, Kind(notice.kind).name.lower())))
        if not known_lease(notice.lease):
            continue
        if notice.kind in (notice.basis, Kind.LOSS) and not flight.released:
            flight.released = True
            outcome.releases.append((notice.lease, terms.reserved(conn, notice)))
            changed[flight.bid] = flight
        if flight.told_price is None and tells_price(notice):
            flight.told_price = notice.price
            changed[flight.bid] = flight
    _save(conn, changed)
    return outcome


def forget(conn: Connection, leases: Iterable[int]) -> None:
    """Drops what is remembered of bids of leases that are over."""
    for over in bulk.among(conn, flights.c.lease, leases):
        conn.execute(delete(flights).where(over))


def _matters(notice: Notice) -> bool:
    return notice.kind == Kind.LOSS or notice.kind in PROOFS


def _load(conn: Connection, bids: set[int]) -> dict[int, Flight]:
    found: dict[int, Flight] = {}
    f = flights.c
    for asked in bulk.among(conn, f.bid, bids):
        rows = conn.execute(select(f.bid, f.lease, f.released, f.told_price).where(asked))
        found |= {bid: Flight(bid, lease, released, price) for bid, lease, released, price in rows}
    return found


def _save(conn: Connection, changed: Mapping[int, Flight]) -> None:
    for known in bulk.among(conn, flights.c.bid, changed):
        conn.execute(delete(flights).where(known))
    bulk.add(conn, flights, [vars(flight) for flight in changed.values()])
