"""The reporter process from outside: it follows the logs, answers reports, says what is wrong, ends when told to."""

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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from domain.events import Bid, encode
from domain.keys import internal_secret, load_keys
from eventlog.writer import LogWriter
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


def test_it_follows_the_logs_and_reports(reporter: Reporter, tmp_path: Path, control: Control) -> None:
    reporter.until("/health", lambda status, _: status == 200)
    trade = Trade(seed=4, auctions=400)
    bids, money = LogWriter(tmp_path / "log/bids/0", sync_s=1.0), LogWriter(tmp_path / "log/money/0")
    for event in trade.bids:
        bids.append(encode(event))
    for notice in trade.money:
        money.append(encode(notice))
    control.settlements, control.snapshot = trade.settlements, snapshot()
    bids.close()
    money.close()
    reporter.until("/v1/lag", lambda _, body: json.loads(body)["behind"] == 0)
    reporter.until("/v1/books", lambda _, body: {entry["exchange"] for entry in json.loads(body)} == {"usx", "cnx"})

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
