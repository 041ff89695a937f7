"""Prices that become known after a bid was booked.

What was booked stays as it is. A correction is a settlement of its own, with the bid's next number, the price that it
replaces, and who said so; its prices are differences, so every sum over settlements is right, and it belongs to the day
of the bid's billing, whose budget it changes. Its transaction says when it was booked.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace
from sqlalchemy import Connection, func, select

from domain.fees import split
from domain.money import RATE_UNIT, convert
from pacing import bulk, fee_terms
from pacing.accounts import Accounts
from pacing.days import day_of
from pacing.ledger import Bill, settle
from pacing.protocol import Settlement
from pacing.tables import exchange_totals, rates, settlements


@dataclass(frozen=True)
class Told:
    """A price that somebody told of a bid."""

    bid: int
    price: int
    """Nanos of the exchange's currency."""
    reason: str
    """Who said so: ``win``, ``billing`` or ``impression`` for a notice, else the name of a file."""


@dataclass(frozen=True)
class Standing:
    """A billed bid as it stands: the settlement has the sums of its rows, and the number of the last."""

    settlement: Settlement
    rate: int
    terms: int


def standing(conn: Connection, bids: Iterable[int]) -> dict[int, Standing]:
    """Those of the bids that were billed."""
    columns = [settlements.c[name] for name in Settlement.__struct_fields__]
    found: dict[int, Standing] = {}
    for asked in bulk.among(conn, settlements.c.bid, bids):
        rows = select(settlements.c.rate, settlements.c.terms, *columns).where(asked).order_by(settlements.c.number)
        for rate, terms, *fields in conn.execute(rows):
            row = Settlement(*fields)
            if before := found.get(row.bid):
                names = ("price", "account_price", "fees")
                row = replace(row, **{name: getattr(before.settlement, name) + getattr(row, name) for name in names})
            found[row.bid] = Standing(row, rate, terms)
    return found


def settle_estimates(
    conn: Connection, open_accounts: Accounts, told: Sequence[Told], zone: Callable[[int], str], now_ns: int
) -> list[Bill]:
    """Books the first price told of each bid whose price is an estimate; returns what was booked. ``zone`` is the time
    zone of an advertiser, by its id.
    """
    if not told or not conn.execute(select(func.sum(exchange_totals.c.estimated))).scalar():
        return []
    first = {one.bid: one for one in reversed(told)}
    estimates = [bid for bid in standing(conn, first).values() if bid.settlement.estimated]
    return correct(conn, open_accounts, [(bid, first[bid.settlement.bid]) for bid in estimates], zone, now_ns)


def correct(
    conn: Connection,
    open_accounts: Accounts,
    changes: Sequence[tuple[Standing, Told]],
    zone: Callable[[int], str],
    now_ns: int,
) -> list[Bill]:
    """Books a price for each of these bids, which is no estimate from here on, even if it is what was booked before."""
    per_unit = _rates(conn, {bid.rate for bid, _ in changes})
    terms = {id_: fee_terms.stored(conn, id_) for id_ in {bid.terms for bid, _ in changes} - {0}}
    bills = []
    for bid, told in changes:
        s, fees = bid.settlement, terms.get(bid.terms)
        account_price = convert(told.price, per_unit[bid.rate])
        charged = zip(split(account_price, fees), split(s.account_price, fees), strict=True)
        difference = replace(
            s,
            price=told.price - s.price,
            account_price=account_price - s.account_price,
            estimated=False,
            number=s.number + 1,
        )
        bills.append(
            Bill(
                difference,
                bid.rate,
                per_unit[bid.rate],
                day_of(s.received_ns, zone(s.advertiser)).name,
                fees,
                tuple(now - before for now, before in charged),
                s.price,
                told.reason[:255],
                s.estimated,
            )
        )
    return settle(conn, open_accounts, "correction", bills, now_ns)


def _rates(conn: Connection, ids: Iterable[int]) -> Mapping[int, int]:
    """Account nanos for 10⁹ nanos of the exchange's currency, by the rate's id; 0 stands for one currency."""
    rows = conn.execute(select(rates.c.id, rates.c.per_unit).where(rates.c.id.in_(ids)))
    return {0: RATE_UNIT, **{id_: per_unit for id_, per_unit in rows}}
