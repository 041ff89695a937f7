"""The reporter process from outside: it follows the logs, answers reports, says what is wrong, ends when told to."""

import asyncio
import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from domain.campaign import Rate
from domain.events import Bid, encode
from domain.keys import internal_secret, load_keys, report_key
from eventlog.writer import LogWriter
from reporting import scope
from reporting.config import Reporting
from reporting.reading import Gone, OverBudget, Readers
from reporting.store import open_store
from tests.exposition import Metrics
from tests.integration.reporting.conftest import Control
from tests.trade import CURRENCY, Trade, snapshot

ROOT = Path(__file__).parents[3]
DEADLINE_S = 60.0
NO_HEADERS: Mapping[str, str] = {}


class Reporter:
    """A reporter on a free port."""

    def __init__(self, data: Path, store: str, control: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.base = f"http://127.0.0.1:{(port := probe.getsockname()[1])}"
        settings = {
            "OUTBID_OUTBID_DATA_DIR": str(data),
            "OUTBID_OUTBID_REPORTER_PORT": str(port),
            "OUTBID_OUTBID_CONTROL_URL": control,
            "OUTBID_REPORTING_STORE": store,
            "OUTBID_REPORTING_PAUSE_S": "0.05",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from reporting.reporter import run; run()"],
            env={**os.environ, **settings},
            cwd=ROOT,
        )

    def get(self, path: str, body: bytes | None = None, headers: Mapping[str, str] = NO_HEADERS) -> tuple[int, bytes]:
        """With a body it is a POST."""
        try:
            asked = urllib.request.Request(self.base + path, body, dict(headers))
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def until(self, path: str, wanted: Any) -> None:
        """Asks until the answer is as wanted."""
        deadline, found = time.monotonic() + DEADLINE_S, None
        while time.monotonic() < deadline:
            try:
                found = self.get(path)
                if wanted(*found):
                    return
            except urllib.error.URLError:
                pass  # it does not listen yet
            time.sleep(0.05)
        raise AssertionError(f"{path} stays at {found}")


@pytest.fixture
def reporter(store_address: str, tmp_path: Path, control: Control) -> Iterator[Reporter]:
    process = Reporter(tmp_path, store_address, control.base)
    yield process
    process.process.kill()
    process.process.wait()


def feed(reporter: Reporter, data: Path, control: Control, trade: Trade) -> None:
    """Everything of a trade, until the store has it."""
    bids, money = LogWriter(data / "log/bids/0", sync_s=1.0), LogWriter(data / "log/money/0")
    for event in trade.bids:
        bids.append(encode(event))
    for notice in trade.money:
        money.append(encode(notice))
    control.settlements, control.snapshot = trade.settlements, snapshot()
    bids.close()
    money.close()
    reporter.until("/v1/lag", lambda _, body: json.loads(body)["behind"] == 0)
    reporter.until("/v1/books", lambda _, body: {entry["exchange"] for entry in json.loads(body)} == {"usx", "cnx"})


def test_it_follows_the_logs_and_reports(reporter: Reporter, tmp_path: Path, control: Control) -> None:
    reporter.until("/health", lambda status, _: status == 200)
    trade = Trade(seed=4, auctions=400)
    feed(reporter, tmp_path, control, trade)

    rows = json.loads(reporter.get("/v1/report?by=line_item&format=json")[1])["rows"]
    expected = trade.sums(("line_item",))
    for row in rows:
        sums = expected.pop((row["line_item_id"], row["currency"]))
        assert row["line_item"] == (f"Line {row['line_item_id']}" if row["line_item_id"] else "")
        assert {name: row[name] for name in ("bids", "wins", "impressions", "clicks", "conversions", "billed")} == {
            name: sums.get(name, 0) for name in ("bids", "wins", "impressions", "clicks", "conversions", "billed")
        }
        assert (row["spend_nanos"], row["fees_nanos"]) == (sums.get("spend", 0), sums.get("fees", 0))
    assert not expected

    by_day = list(csv.DictReader(io.StringIO(reporter.get("/v1/report?by=day&format=csv")[1].decode())))
    assert sum(int(row["spend_nanos"]) for row in by_day) == sum(row.account_price for row in trade.settlements)
    table = reporter.get("/v1/report?by=day,advertiser&format=table")[1].decode()
    assert "Advertiser 1" in table and table.splitlines()[0].startswith("day")

    reporter.until("/metrics", lambda _, body: not lacking(Metrics(body.decode()), trade))
    metrics = Metrics(reporter.get("/metrics")[1].decode())
    assert metrics["outbid_reporter_ready"] == metrics["outbid_reporter_fed"] == 1
    assert metrics["outbid_reporter_failing_sources"] == metrics["outbid_reporter_refused_records_total"] == 0
    assert len(metrics.by("outbid_reporter_lag", "source")) == 3
    assert metrics.of("outbid_reporter_query_seconds_count", kind="report") >= 1
    assert metrics.of("outbid_reporter_request_seconds_count", route="/v1/report", status="2xx") >= 1
    status, ready = reporter.get("/ready")
    assert status == 200 and json.loads(ready)["reasons"] == {}

    books = {entry["exchange"]: entry for entry in json.loads(reporter.get("/v1/books")[1])}
    for exchange, key in ((1, "usx"), (2, "cnx")):
        booked = [row.price for row in trade.settlements if row.exchange == exchange]
        billed = sum(row.exchange == exchange and row.number == 0 for row in trade.settlements)
        entry = books[key]
        assert (entry["billed"], entry["spend"], entry["currency"]) == (billed, sum(booked), CURRENCY[exchange])


def lacking(metrics: Metrics, trade: Trade) -> dict[str, float]:
    """What the page does not tell yet: tables by the rows told, and sources that the store is behind."""
    bids = sum(isinstance(event, Bid) for event in trade.bids)
    wanted = {"bids": bids, "settlements": len(trade.settlements)}
    told = metrics.by("outbid_reporter_table_rows", "table")
    behind = metrics.by("outbid_reporter_lag", "source")
    return {table: rows for table, rows in wanted.items() if told.get(table) != rows} | {
        source: lag for source, lag in behind.items() if lag
    }


def test_it_says_what_is_wrong_and_ends_cleanly(reporter: Reporter, tmp_path: Path) -> None:
    reporter.until("/health", lambda status, _: status == 200)
    for path, named in (
        ("/v1/report?by=colour", b"'colour'"),
        ("/v1/report?from=yesterday", b"'yesterday'"),
        ("/v1/report?format=pdf", b"'pdf'"),
        ("/v1/report?limit=1", b"limit"),
    ):
        status, body = reporter.get(path)
        assert status == 400 and named in body, path
    secret = {"Authorization": f"Bearer {internal_secret(load_keys(tmp_path))}"}
    for headers, sent, status in (({}, b"[1]", 403), (secret, b"[0]", 400), (secret, b"anna", 400)):
        for path in ("/v1/people/show", "/v1/people/forget"):
            assert reporter.get(path, sent, headers)[0] == status
    reporter.process.send_signal(signal.SIGTERM)
    assert reporter.process.wait(DEADLINE_S) == 0


def test_lag_is_not_zero_while_control_cannot_be_asked(tmp_path: Path, control: Control) -> None:
    control.close()
    reporter = Reporter(tmp_path, "chdb", control.base)
    try:
        reporter.until("/health", lambda status, _: status == 200)
        reporter.until("/v1/lag", lambda _, body: json.loads(body)["behind"] > 0 and b"refused" in body)
    finally:
        reporter.process.kill()
        reporter.process.wait()


def test_an_unreachable_store_is_reported_and_waited_for(tmp_path: Path, control: Control) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"clickhouse://127.0.0.1:{probe.getsockname()[1]}/outbid"
    reporter = Reporter(tmp_path, address, control.base)
    try:
        reporter.until("/health", lambda status, body: status == 503 and b"refused" in body)
        assert reporter.get("/v1/report")[0] == 503
        reporter.until("/ready", lambda status, body: status == 503 and b"Connection refused" in body)
        assert Metrics(reporter.get("/metrics")[1].decode())["outbid_reporter_ready"] == 0
        assert json.loads(reporter.get("/v1/lag")[1])["behind"] > 0
        reporter.process.send_signal(signal.SIGTERM)
        assert reporter.process.wait(DEADLINE_S) == 0
    finally:
        reporter.process.kill()
        reporter.process.wait()


@pytest.fixture
def embedded(tmp_path: Path, control: Control) -> Iterator[Reporter]:
    process = Reporter(tmp_path, "chdb", control.base)
    yield process
    process.process.kill()
    process.process.wait()


def test_reports_are_streamed_to_whoever_may_see_them(embedded: Reporter, tmp_path: Path, control: Control) -> None:
    """Every format over HTTP, the rates of control, tokens, and what is asked of a port by nobody in particular."""
    embedded.until("/health", lambda status, _: status == 200)
    trade = Trade(seed=8, auctions=300)
    control.rates = (Rate(1, "USD", "CNY", "2026-01-01", 7 * 10**9),)
    feed(embedded, tmp_path, control, trade)

    asked = "/v1/report?by=day,campaign&metrics=impressions,spend"
    told = {shape: embedded.get(f"{asked}&format={shape}") for shape in ("json", "csv", "parquet", "xlsx", "table")}
    assert {status for status, _ in told.values()} == {200}
    by_json = json.loads(told["json"][1])["rows"]
    by_csv = list(csv.DictReader(io.StringIO(told["csv"][1].decode())))
    by_parquet = pq.read_table(io.BytesIO(told["parquet"][1])).to_pylist()
    book = zipfile.ZipFile(io.BytesIO(told["xlsx"][1]))
    assert book.testzip() is None and len(told["table"][1].splitlines()) == len(by_json) + 2
    assert [row["spend"] for row in by_json] == [row["spend"] for row in by_csv]
    assert [Decimal(row["spend"]) for row in by_json] == [row["spend"] for row in by_parquet]
    assert book.read("xl/worksheets/sheet1.xml").count(b"<row ") == len(by_json) + 1
    in_cny = json.loads(embedded.get("/v1/report?by=month&metrics=spend&currency=CNY")[1])["rows"]
    booked = sum(row.account_price * (7 if row.account_currency == "USD" else 1) for row in trade.settlements)
    assert [(row["currency"], row["spend_nanos"]) for row in in_cny] == [("CNY", booked)]

    keys = load_keys(tmp_path)
    until = int(time.time()) + 600
    token = {"Authorization": f"Bearer {scope.issue(report_key(keys), until, (1,))}"}
    mine = json.loads(embedded.get("/v1/report?by=advertiser", headers=token)[1])["rows"]
    assert [row["advertiser_id"] for row in mine] == [1]
    for path in ("/v1/books", "/v1/store", "/v1/quality", "/v1/quality?from=2026-01-01&to=2026-01-01"):
        assert embedded.get(path, headers=token)[0] == 403
    old = scope.issue(report_key(keys), until - 3600, (1,))
    forged = scope.issue(b"k" * 32, until, (1,))
    for wrong, said in ((old, b"expired"), (forged, b"not made by"), ("x", b"no token"), (old[:-3], b"")):
        status, body = embedded.get("/v1/report", headers={"Authorization": f"Bearer {wrong}"})
        assert status == 401 and said in body
    for path in ("/v1/report", "/v1/losses", "/v1/books", "/v1/store", "/v1/quality"):
        assert embedded.get(path, headers={"X-Forwarded-For": "192.0.2.1"})[0] == 401
    known = json.loads(embedded.get("/v1/report/catalogue")[1])
    assert "conversion_source" in known["metrics"]["conversions"]["dimensions"]
    assert "conversion_source" not in known["metrics"]["spend"]["dimensions"]


def test_a_report_that_takes_too_much_or_that_nobody_waits_for_is_ended(store_address: str, tmp_path: Path) -> None:
    """And others are answered meanwhile."""

    async def asked() -> None:
        def over(budget: Reporting) -> Readers:
            opened = partial(open_store, store_address, tmp_path, query_seconds=100)
            return Readers(opened, budget, lambda kind: nullcontext())

        slow = "SELECT count() FROM system.numbers WHERE sipHash64(number) = 1"
        wide = "SELECT length(groupArray(number)) FROM numbers(100000000)"
        tight = over(Reporting(query_seconds=1.0))
        small = over(Reporting(query_memory_mb=100))
        few = over(Reporting(query_rows=1_000_000))
        here: Any = SimpleNamespace(transport=SimpleNamespace(is_closing=lambda: False))

        def question(sql: str) -> Any:
            return lambda store, mark: list(store.query(f"/* {mark} */ {sql}"))

        for readers, sql, said in (
            (tight, slow, "query_seconds"),
            (small, wide, "query_memory_mb.*narrow it"),
            (few, slow, "query_rows"),
        ):
            with pytest.raises(OverBudget, match=said):
                await readers.ask(here, question(sql))
            whole = await readers.ask(here, question("SELECT 7"))  # and the next gets an answer of its own
            assert [list(row) for row in whole] == [[7]]
            with pytest.raises(OverBudget, match=said):
                pieces = readers.pieces(here, lambda store, mark, sql=sql: (
                    b"x" for _ in store.stream(f"/* {mark} */ {sql}")
                ))  # fmt: skip
                assert not [piece async for piece in pieces]

        any_ = over(Reporting(query_rows=1 << 60, queries=2))
        gone: Any = SimpleNamespace(transport=SimpleNamespace(is_closing=lambda: True))
        left = asyncio.create_task(any_.ask(gone, question(slow)))
        await asyncio.sleep(0)
        beside = await any_.ask(here, question("SELECT 7"))
        assert [list(row) for row in beside] == [[7]]
        with pytest.raises(Gone):
            await left
        deadline = time.monotonic() + 20
        while True:
            running = await any_.ask(here, lambda store, mark: store.query("SELECT query FROM system.processes"))
            if not [row for row in running if "sipHash64" in row[0]]:
                break
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        for readers in (tight, small, few, any_):
            readers.close()

    asyncio.run(asked())
