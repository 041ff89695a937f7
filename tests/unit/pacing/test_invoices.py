"""An exchange's file against the ledger: what is corrected, what is only listed, and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from campaigns.store import Store
from cli.main import main
from domain.creative import every_format
from domain.errors import Refused
from domain.events import Kind, Mark
from domain.exchange import Exchange
from pacing import counters, tables
from pacing.invoices import Line, read_invoice
from pacing.ledger import read_books
from tests.unit.pacing.test_ledger import BID, EXCHANGES, Books, notice

USX = Exchange(1, "usx", "USD", every_format("burl"))
HIGH = 2**63 + 5
"""The id of a bid, which is sent as a negative number."""
CAMPAIGNS = """
exchanges:
  - {key: usx, currency: USD, billing: burl}
  - {key: cnx, currency: CNY, billing: impression}
rates:
  - {base: USD, quote: EUR, day: 2020-01-01, rate: 0.9}
  - {base: CNY, quote: USD, day: 2020-01-01, rate: 0.14}
  - {base: CNY, quote: EUR, day: 2020-01-01, rate: 0.13}
advertisers:
  - {key: bank, name: Bank, currency: USD, time_zone: America/New_York, domain: bank.example, categories: [IAB13]}
  - {key: later, name: Later, currency: EUR, time_zone: Europe/Berlin, domain: later.example, categories: [IAB13]}
"""


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store) -> Iterator[Books]:
    """Four bids: a real price, two estimates (one in euros), and one of the other exchange."""
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OUTBID_CONTROL_DATABASE_URL", store.engine.url.render_as_string(hide_password=False))
    (tmp_path / "campaigns.yaml").write_text(CAMPAIGNS)
    made = Books(tmp_path, store)
    with made.store.write() as conn:
        counters.raise_to(conn, "rates", 2)  # those that it came with
    assert main(["campaigns", "import", str(tmp_path / "campaigns.yaml")]) == 0
    untold = {"price": 0, "marks": Mark.NO_PRICE}
    made.log(notice(1, price=1_000_000), notice(HIGH, **untold), notice(3, advertiser=2, rate=2, **untold))
    made.log(notice(4, Kind.IMPRESSION, basis=Kind.IMPRESSION, exchange=2, rate=1, price=9))
    made.settle()
    yield made
    made.check()


def prices(store: Store) -> dict[int, tuple[int, int, bool]]:
    """Bid -> price and account price of all its rows, and whether the last is an estimate."""
    s = tables.settlements.c
    found: dict[int, tuple[int, int, bool]] = {}
    with store.read() as conn:
        for bid, price, own, estimated in conn.execute(
            select(s.bid, s.price, s.account_price, s.estimated).order_by(s.id)
        ):
            before = found.get(bid, (0, 0, False))
            found[bid] = before[0] + price, before[1] + own, estimated
    return found


def reconcile(path: Path, text: str, *options: str) -> int:
    (path / "log.csv").write_text(text)
    return main(["prices", "reconcile", "--exchange", "usx", *options, str(path / "log.csv")])


FILE = f"bid,site,cpm,currency\n1,a,1,USD\n{HIGH - 2**64},b,1.25,USD\n3,c,0.5,usd\n"


def test_estimates_get_the_real_price_and_a_second_run_changes_nothing(
    books: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reconcile(tmp_path, FILE) == 0
    after = {1: (1_000_000, 1_000_000, False), HIGH: (1_250_000, 1_250_000, False), 3: (500_000, 450_000, False)}
    assert prices(books.store) == {**after, 4: prices(books.store)[4]}
    with books.store.read() as conn:
        (usx, _) = read_books(conn, EXCHANGES)
        s = tables.settlements.c
        corrections = conn.execute(select(s.old_price, s.reason).where(s.number > 0)).fetchall()
        assert (usx.billed, usx.spend, usx.estimated) == (3, 2_750_000, 0)
        assert [tuple(row) for row in corrections] == [(BID, "log.csv")] * 2
        assert counters.last(conn, "manual") == 1
    everything = books.everything()
    summary = capsys.readouterr().out.splitlines()[-1].split()
    assert summary == ["USD", "1", "2", "0", "0", "0.005", "0.00275", "-0.00225"]
    assert reconcile(tmp_path, FILE) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["USD", "3", "0", "0", "0", "0.00275", "0.00275", "0.00"]
    assert books.everything() == everything
    with books.store.read() as conn:
        assert counters.last(conn, "manual") == 1
    assert books.open().delivery()[0].spent_today == 2_250_000 + 8  # a control that starts knows it


def test_what_differs_is_listed_and_corrected_only_if_all_is_asked_for(
    books: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"bid,price,currency\n1,0.0009,USD\n{HIGH},0.0021,USD\n4,0.001,USD\n77,0.001,USD\n"
    before = books.everything()
    assert reconcile(tmp_path, text) == 1
    assert books.everything() == before
    assert capsys.readouterr().out.splitlines()[:4] == [
        "DIFFERS  line 2: bid 1: another price: booked 0.001, told 0.0009 USD",
        f"DIFFERS  line 3: bid {HIGH - 2**64}: above the bid: booked 0.002, told 0.0021 USD",
        "UNKNOWN  line 4: bid 4 was not billed here: told 0.001 USD",
        "UNKNOWN  line 5: bid 77 was not billed here: told 0.001 USD",
    ]
    assert reconcile(tmp_path, text, "--all") == 1  # two are still unknown
    found = prices(books.store)
    assert (found[1][0], found[HIGH]) == (900_000, (2_100_000, 2_100_000, False))
    assert reconcile(tmp_path, text) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2 * (2 + 2)
    with books.store.read() as conn:
        assert conn.execute(select(func.count()).where(tables.settlements.c.number > 0)).scalar() == 2


def test_an_estimate_that_was_right_is_settled_by_the_file(books: Books, tmp_path: Path) -> None:
    assert reconcile(tmp_path, f"bid,cpm,currency\n{HIGH},2,USD\n") == 0
    assert prices(books.store)[HIGH] == (BID, BID, False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: '' is not allowed; the first line must name the columns bid, currency"),
        ("bid,currency\n", "line 1: 'bid,currency' is not allowed"),
        ("bid,cpm,price,currency\n", "either cpm or price"),
        ("bid,cpm,currency\n1,1,USD\nx,1,USD\n", "line 3, bid: 'x' is not allowed; it must be the id of a bid"),
        ("bid,cpm,currency\n18446744073709551616,1,USD\n", "line 2, bid: '18446744073709551616' is not allowed"),
        ("bid,cpm,currency\n1,1,CNY\n", "line 2, currency: 'CNY' is not allowed; usx bills in USD"),
        ("bid,cpm,currency\n1,-1,USD\n", "line 2, cpm: '-1' is not allowed; it must be a decimal number"),
        ("bid,cpm,currency\n1,,USD\n", "line 2, cpm: '' is not allowed"),
        ("bid,cpm,currency\n1\n", "line 2, cpm: None is not allowed"),
        ("bid,price,currency\n1,0.0000000001,USD\n", "line 2, price: '0.0000000001' is not allowed"),
        ("bid,cpm,currency\n5,1,USD\n5,1,USD\n", "line 3, bid: '5' is not allowed; each bid may be in the file once"),
        ('bid,cpm,currency\n5,"1\n', "it must be a CSV file in UTF-8"),
    ],
)
def test_a_file_with_a_mistake_is_refused_whole(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(Refused) as refusal:
        read_invoice(tmp_path / "log.csv", USX)
    assert says in str(refusal.value)


def test_all_mistakes_are_told_up_to_twenty(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("bid,cpm,currency\n" + "x,y,CNY\n" * 50)
    with pytest.raises(Refused) as refusal:
        read_invoice(tmp_path / "log.csv", USX)
    assert len(refusal.value.problems) == 21  # the line is read to its end


def test_other_columns_a_mark_of_bytes_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes(b"\xef\xbb\xbfid,currency,cpm,bid\r\na, USD ,1.25, 7 \r\n\r\nb,USD,0,8\r\n")
    assert read_invoice(tmp_path / "log.csv", USX) == [Line(2, 7, 1_250_000), Line(4, 8, 0)]


@pytest.mark.parametrize("words", [["--exchange", "nowhere", "log.csv"], ["--exchange", "usx", "absent.csv"]])
def test_what_is_asked_for_must_be_there(
    books: Books, tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log.csv").write_text(FILE)
    assert main(["prices", "reconcile", *words[:2], str(tmp_path / words[2])]) == 2
    assert words[1 if words[2] == "log.csv" else 2] in capsys.readouterr().err
