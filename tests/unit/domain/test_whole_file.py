"""Files that are replaced whole."""

import errno
import os
from pathlib import Path

import pytest

from domain.whole_file import write_whole


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_what_cannot_be_written_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    write_whole(tmp_path / "f", b"old")
    with monkeypatch.context() as patched:
        patched.setattr(os, step, full)
        with pytest.raises(OSError, match="No space left"):
            write_whole(tmp_path / "f", b"new and longer")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("f", b"old")]
    write_whole(tmp_path / "f", b"new")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("f", b"new")]
