"""``outbid outcomes import``: every good line is in the log once, every bad one is told by its number."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.main import main
from domain.clock import SECOND
from domain.events import Mark
from tests.integration.trackers.test_conversions import click


@pytest.fixture
def command(tracker, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs ``outbid outcomes import FILE …`` against the tracker; its status."""
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", tracker.place.data_dir)
    monkeypatch.setenv("OUTBID_OUTBID_TRACKER_PORT", str(urlsplit(tracker.base).port))
    monkeypatch.setattr("cli.outcomes.PAUSE_S", 0.01)

    async def run(file: Path, *more: str) -> int:
        return await asyncio.to_thread(main, ["outcomes", "import", str(file), "--advertiser", "acme", *more])

    return run


async def test_a_file_is_told_line_by_line(tracker, command, tmp_path: Path, capsys) -> None:
    obclid = await click(tracker, campaign=21)
    many = [f"approved,n{n},2026-11-20T10:00:00+01:00,{n}.5,USD," for n in range(300)]
    lines = [
        "event,order,time,value,currency,obclid",
        f'approved,"A-1, ""x""",2026-03-01,12.5,EUR,{obclid}',
        "no event,A-2,,,,",
        "approved,A-3,yesterday,,,",
        "approved,A-4",
        "",
        'paid,"A\n5",,,,',
        "paid,\udcff6,,,,",
        "paid,A-7,,,,",
        *many,
    ]
    file = tmp_path / "outcomes.csv"
    file.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    assert await command(file) == 2
    said = capsys.readouterr()
    assert said.out == "302 outcomes are new, 0 were known; 5 bad lines\n"
    assert sorted(line.split(":")[0] for line in said.err.splitlines()) == [f"line {n}" for n in (3, 4, 5, 7, 9)]
    assert "event: 'no event' is not allowed" in said.err and "time: 'yesterday'" in said.err
    first, *rest = sorted(tracker.conversions(), key=lambda one: (one.order != 'A-1, "x"', one.received_ns))
    assert (first.event, first.value, first.currency, first.campaign) == ("approved", 12_500_000_000, "EUR", 21)
    assert datetime.fromtimestamp(first.happened_ns / SECOND, UTC) == datetime(2026, 3, 2, tzinfo=UTC)
    assert {one.order for one in rest} == {"A-7", *(f"n{n}" for n in range(300))} and len(rest) == 301
    assert await command(file, "--from-line", "10") == 0
    assert capsys.readouterr().out == "0 outcomes are new, 301 were known\n"
    assert sum(bool(one.marks & Mark.DUPLICATE) for one in tracker.conversions()) == 301


async def test_parquet_has_times_and_numbers(tracker, command, tmp_path: Path, capsys) -> None:
    now = datetime(2026, 11, 20, 9, tzinfo=UTC)
    table = pa.table(
        {
            "event": ["approved", "disbursed", None],
            "order": [17, 18, 19],
            "time": pa.array([now, None, now], pa.timestamp("us", "UTC")),
            "value": [Decimal("1.25"), None, None],
        }
    )
    pq.write_table(table, tmp_path / "o.parquet")
    assert await command(tmp_path / "o.parquet") == 2
    assert "line 3: event: None" in capsys.readouterr().err
    found = {one.order: (one.event, one.value, one.happened_ns) for one in tracker.conversions()}
    assert found == {"17": ("approved", 1_250_000_000, int(now.timestamp()) * SECOND), "18": ("disbursed", 0, 0)}
    pq.write_table(pa.table({"event": ["a"], "order": ["b"], "time": [date(2026, 1, 2)]}), tmp_path / "d.parquet")
    assert await command(tmp_path / "d.parquet") == 0
    pq.write_table(pa.table({"event": ["a"], "order": ["c"], "time": [datetime(2026, 1, 2)]}), tmp_path / "n.parquet")
    assert await command(tmp_path / "n.parquet") == 2 and "time zone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("event,order,name\na,b,Anna\n", "column: 'name'"),
        ("event,value\n", "order must be there"),
        ("event,order,event\n", "column: 'event'"),
        ("", "event must be there"),
    ],
)
async def test_what_is_no_file_of_outcomes_is_refused(command, tmp_path: Path, capsys, text: str, says: str) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text(text)
    assert await command(file) == 2 and says in capsys.readouterr().err
    assert await command(tmp_path / "none.csv") == 2 and "none.csv" in capsys.readouterr().err


async def test_it_says_where_to_go_on(tracker, command, tmp_path: Path, capsys) -> None:
    """The tracker goes away in between, and what was told before is not lost."""
    file = tmp_path / "o.csv"
    file.write_text("event,order\n" + "".join(f"a,{n}\n" for n in range(2000)))

    async def away() -> None:
        while not tracker.conversions():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        await tracker.stop()

    leaving = asyncio.create_task(away())
    assert await command(file) == 1
    await leaving
    said = capsys.readouterr().err
    line = int(said.rsplit("--from-line ", 1)[1])
    told = {one.order for one in tracker.conversions()}
    assert {str(n) for n in range(line - 2)} <= told and "does not answer" in said
    await tracker.start()
    assert await main_on(tracker, command, file, line) == 0
    counted = [one.order for one in tracker.conversions() if not one.marks & Mark.DUPLICATE]
    assert sorted(counted) == sorted(map(str, range(2000)))


async def main_on(tracker, command, file: Path, line: int) -> int:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OUTBID_OUTBID_TRACKER_PORT", str(urlsplit(tracker.base).port))
        status: int = await command(file, "--from-line", str(line))
    return status
