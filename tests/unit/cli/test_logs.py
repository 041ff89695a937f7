"""``outbid logs``: what it prints, and what it refuses."""

import json
from pathlib import Path

import pytest

from cli.main import main
from domain.events import Name, NoBid, encode
from eventlog.consumers import OF_MONEY, expect, note
from eventlog.reader import LogReader
from eventlog.writer import LogWriter


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    return tmp_path / "log" / "money" / "0"


def test_logs_are_shown_with_who_has_read_them(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs"]) == 0 and "no event logs" in capsys.readouterr().out
    writer = LogWriter(log, segment_bytes=60)
    first = encode(Name("site", 1, "news.example"))
    second = encode(NoBid(1_790_000_000_000_000_000, "a", 1, 2, "fit", 100, 3, "USA"))
    ends = [writer.append(record) for record in (first, second, first, second)]
    writer.close()
    expect(log, OF_MONEY)
    note(log, "reporter", ends[0])
    note(log, "ledger", ends[3])
    assert main(["logs"]) == 0
    size, left = 2 * (16 + len(first) + len(second)), 16 + len(first) + 2 * len(second) + 8
    said = capsys.readouterr().out
    assert f"money/0: 2 segments, {size} bytes, oldest record of 2026-09-21 14:13:20 UTC\n" in said
    assert "segment 1 is held by memory, reporter, age\n" in said
    assert f"  memory: passed nothing yet; {size} bytes behind\n" in said
    assert f"  reporter: passed segment 1, byte {8 + len(first)}, noted " in said and f"; {left} bytes behind\n" in said
    assert main(["logs", "--format", "json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["log"] == "money/0" and told["published"] == ends[3]
    assert {name: lag["behind"] for name, lag in told["consumers"].items()} == {
        "ledger": 0, "memory": size, "reporter": left,
    }  # fmt: skip


def test_damage_is_named_and_passed_over(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = LogWriter(log)
    for record in (b"one", b"two", b"three"):
        writer.append(record)
    writer.close()
    assert main(["logs", "check"]) == 0
    path = log / "0000000001.log"
    path.write_bytes(path.read_bytes().replace(b"two", b"twe"))
    capsys.readouterr()
    assert main(["logs", "check"]) == 1
    assert capsys.readouterr().out == "money/0: segment 1 is damaged from byte 11 to byte 22\n"
    assert main(["logs", "pass-over", "money/0"]) == 0
    assert "byte 11 to byte 22, and passed over from now on" in capsys.readouterr().out
    assert main(["logs", "check"]) == 0
    assert LogReader(log).read(1)[0] == [b"one"] and LogReader(log, 1 << 40 | 11).read()[0] == [b"three"]


def test_a_consumer_that_is_gone_is_released(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    LogWriter(log).close()
    expect(log, OF_MONEY)
    assert main(["logs", "release", "money/0", "reporter"]) == 0
    assert main(["logs"]) == 0
    assert "  reporter: released\n" in capsys.readouterr().out
    assert main(["logs", "release", "money/1", "reporter"]) == 2
    assert "LOG: 'money/1' is not allowed; it must be one of money/0" in capsys.readouterr().err
    assert main(["logs", "release", "money/0", "nobody"]) == 2
    assert "it must be one of ledger, memory, reporter" in capsys.readouterr().err
