"""The name of a host's logs: all processes of the host know the same, whichever made it."""

from pathlib import Path

import pytest

from eventlog.remote import origin


def test_a_name_that_another_process_made_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a second name all of the logs would be shipped a second time."""
    first = origin(tmp_path / "data")
    assert len(first) == 16 and origin(tmp_path / "data") == first
    monkeypatch.setattr(Path, "exists", lambda path: False)  # as it was when this process looked
    assert origin(tmp_path / "data") == first
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["origin"]
