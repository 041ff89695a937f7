"""Who reads a log, and how far each has come: what nobody needs any more may be removed (`eventlog.retention`).

A consumer keeps its own checkpoint where its work is: a table of the ledger, of the profile store, of the analytics
store. After each commit it notes the position here, beside the log, in ``consumers/<name>``, which holds a frame like
`published`. A note may be behind the truth, never before it, so it needs no sync; one that cannot be read counts as 0.
Those that every log of a kind has are entered, at 0, by whoever opens the log for writing: a consumer that has not come
yet holds everything.
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from eventlog.segments import read_position, sync_directory, write_mark

FOLDER = "consumers"
REPORTER, LEDGER, MEMORY = "reporter", "ledger", "memory"
OF_BIDS, OF_MONEY = (REPORTER,), (REPORTER, LEDGER, MEMORY)
RELEASED = (1 << 63) - 1
"""Instead of a position: it holds nothing, until it notes one again."""


def expect(directory: Path, names: Iterable[str]) -> None:
    """Enters consumers that the log does not know yet; on disk when this returns."""
    folder = directory / FOLDER
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        folder.mkdir(exist_ok=True)
        for name in missing:
            note(directory, name, 0)
        sync_directory(folder)
        sync_directory(directory)


def note(directory: Path, name: str, position: int) -> None:
    """Everything before ``position`` is contained for certain in what the consumer makes of the log."""
    (directory / FOLDER).mkdir(exist_ok=True)
    file = os.open(directory / FOLDER / name, os.O_CREAT | os.O_WRONLY, 0o644)
    try:
        write_mark(file, position)
    finally:
        os.close(file)


def passed(directory: Path, name: str, position: int) -> None:
    """`note`, for a consumer at work: that it cannot be written (a full disk) must not stop it, and holds more."""
    with contextlib.suppress(OSError):
        note(directory, name, position)


def release(directory: Path, name: str) -> bool:
    """A consumer is gone for good, and holds nothing any more; False: the log does not know it."""
    if not (directory / FOLDER / name).exists():
        return False
    note(directory, name, RELEASED)
    return True


def positions(directory: Path) -> dict[str, int]:
    """How far each consumer has come, by name."""
    try:
        names = sorted(os.listdir(directory / FOLDER))
    except FileNotFoundError:
        return {}
    return {name: read_position(directory / FOLDER / name) for name in names}
