"""``outbid store``: what it refuses."""

from pathlib import Path

import pytest

from cli.main import main
from reporting.store_lock import StoreLock


@pytest.mark.parametrize("what", ["migrate", "revert --to 3", "rebuild --from 2026-11-01 --to 2026-11-02"])
def test_nobody_else_works_in_the_store_meanwhile(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reporter that does not answer yet, or a replay, that nobody could ask."""
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OUTBID_OUTBID_REPORTER_PORT", "1")
    monkeypatch.setenv("OUTBID_REPORTING_STORE", "clickhouse://127.0.0.1:1/db")
    lock = StoreLock(tmp_path, "clickhouse://127.0.0.1:1/db")
    assert lock.take()
    assert main(["store", *what.split()]) == 1
    assert "a replay" in capsys.readouterr().err
    lock.release()
    assert main(["store", *what.split()]) == 1
    assert "127.0.0.1:1" in capsys.readouterr().err
    assert lock.take(), "it is free again"
    lock.release()
