"""A bid is net of fees, its reservation gross: numbers worked out by hand, in two currencies.

3.00 USD CPM with all fees: 12.5 % of the media, 0.05 for serving, 0.40 for data. Media is at most
(3.00 - 0.45) / 1.125 = 2.266666 USD, which costs 2,266,666 + 283,333 + 450,000 = 2,999,999 nanos with its fees.
"""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from domain.clock import ManualClock
from domain.events import Kind, Notice, encode
from domain.token import Token
from eventlog.writer import LogWriter
from pacing import tables
from pacing.treasury import Treasury
from tests.auction_table import SEALER, Table, merge, snapshot
from tests.control_stores import new_control_store

FEES = {
    "terms": [
        {"id": 9, "parts": [["fee", 1, 125_000, 0], ["fee", 2, 0, 50_000], ["data", 5, 0, 400_000]]},
        {"id": 10, "parts": [["fee", 1, 125_000, 0]]},
    ]
}
REQUEST = {
    "id": "a",
    "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}],
    "site": {"page": "https://news.example/"},
    "device": {"geo": {"country": "USA"}},
}


def table(exchange: int, terms: int = 9, bid_cpm: int = 3_000_000) -> Table:
    """The bank's one line item on an exchange: 1 bills in USD, 2 in CNY at 0.14 USD."""
    item = {
        "id": 11, "key": "open", "campaign": 1, "name": "", "bid_cpm": bid_cpm, "creatives": [101], "terms": terms,
        "targeting": {"exchange": [str(exchange)]},
    }  # fmt: skip
    return Table(snapshot(merge(FEES, {"line_items": [item]})))


def bid(on: Table, exchange: str) -> dict:
    outcome = on.decide(REQUEST, exchange)
    assert isinstance(outcome, dict), outcome
    return outcome["seatbid"][0]["bid"][0]


def reserved(on: Table) -> int:
    return on.lease - on.leases.available(11)


def test_in_the_accounts_own_currency() -> None:
    on = table(1)
    assert bid(on, "usx")["price"] == 2.266666
    assert reserved(on) == 2_999_999


def test_in_another_currency() -> None:
    """2,266,666 / 0.14 is 16,190,471.4: bid 16.190471 CNY. That times 0.14 is 2,266,665.94, reserved as 2,266,666."""
    on = table(2)
    assert bid(on, "cnx")["price"] == 16.190471
    assert reserved(on) == 2_999_999


def test_a_share_alone() -> None:
    """2.00 / 1.125 is 1.777777; its share, 222,222.1, is rounded down: 1,999,999."""
    on = table(1, terms=10, bid_cpm=2_000_000)
    assert bid(on, "usx")["price"] == 1.777777
    assert reserved(on) == 1_999_999


def test_without_fees_all_of_it_is_media() -> None:
    on = table(1, terms=0)
    assert bid(on, "usx")["price"] == 3.0
    assert reserved(on) == 3_000_000


def test_a_bid_that_its_fees_use_up_is_none() -> None:
    assert not isinstance(table(1, bid_cpm=450_000).decide(REQUEST, "usx"), dict)


@pytest.mark.parametrize(
    ("exchange", "price", "postings"),
    [
        # 1.60 USD of media; 12.5 % of it is 0.20
        (
            "usx",
            1_600_001,
            {
                ("line_item", 11, "USD"): 1_600_001 + 200_000 + 50_000 + 400_000,
                ("payable", 1, "USD"): -1_600_001,
                ("fee", 1, "USD"): -200_000,
                ("fee", 2, "USD"): -50_000,
                ("data", 5, "USD"): -400_000,
            },
        ),
        # 10.000001 CNY are 1,400,000.14 USD nanos, booked as 1,400,000; 12.5 % of that is 175,000
        (
            "cnx",
            10_000_001,
            {
                ("line_item", 11, "USD"): 1_400_000 + 175_000 + 50_000 + 400_000,
                ("payable", 2, "CNY"): -10_000_001,
                ("fx", 0, "USD"): -1_400_000,
                ("fx", 0, "CNY"): 10_000_001,
                ("fee", 1, "USD"): -175_000,
                ("fee", 2, "USD"): -50_000,
                ("data", 5, "USD"): -400_000,
            },
        ),
    ],
)
def test_from_the_bid_to_the_postings(exchange: str, price: int, postings: dict, tmp_path: Path) -> None:
    """The bid's own sealed token says under which fees its billing is booked."""
    on = table(1 if exchange == "usx" else 2)
    kind, url = (
        (Kind.BILLING, bid(on, exchange)["burl"]) if exchange == "usx" else (Kind.IMPRESSION, _pixel(bid(on, exchange)))
    )
    token: Token = SEALER.open(urlsplit(url).path.rsplit("/", 1)[-1], int(kind))
    assert token.terms == 9
    same = {name: getattr(token, name) for name in Notice.__struct_fields__ if hasattr(token, name)}
    told = Notice(kind=kind, received_ns=token.bid_ns + 1, marks=0, price=price, loss_reason=0, min_to_win=0, **same)
    writer = LogWriter(tmp_path / "log" / "money" / "0")
    writer.append(encode(told))
    writer.close()
    store = new_control_store(tmp_path / "control.sqlite")
    treasury = Treasury(store.write, tmp_path, ManualClock(token.bid_ns + 2), on.campaigns)
    assert treasury.settle(10) == 1
    a = tables.accounts.c
    with store.read() as conn:
        rows = conn.execute(select(a.kind, a.owner, a.currency, a.balance)).fetchall()
        (spent,) = conn.execute(select(tables.spend_totals.c.amount)).scalars()
        row = conn.execute(select(tables.settlements)).one()
    store.close()
    assert {tuple(row[:3]): row[3] for row in rows if row[3]} == postings
    assert spent == row.account_price + row.fees == postings["line_item", 11, "USD"]
    assert row.terms == 9
    assert spent <= 2_999_999


def _pixel(answer: dict) -> str:
    return str(answer["adm"]).split('<img src="')[-1].split('"')[0]
