"""Writing a store without waiting for the disk, and not trusting it after the machine stopped in between.

Without a sync a commit costs a tenth. Killed processes lose nothing, for the kernel has what they wrote. But when the
machine itself stops, pages may reach the disk out of order, and LMDB cannot tell. So a file beside the store says on
which boot of the machine it was last written unsynced; the last writer that closes the store in order takes that back.
"""

import fcntl
import os
from pathlib import Path

from domain.errors import Unavailable

BOOT = Path("/proc/sys/kernel/random/boot_id")


class Damaged(Unavailable):
    """The store may be damaged; the text says why, and what to do."""


def check(store: Path) -> None:
    """Raises `Damaged` if the machine stopped while the store was written unsynced."""
    try:
        written, now = (store / "unsynced").read_text(), BOOT.read_text()
    except OSError:
        return
    if written and written != now:
        raise Damaged(
            f"{store}: the machine stopped while it was written, so it cannot be trusted. Put a copy in its place "
            "(outbid profiles copy makes them) or remove it; docs/targeting.md says how it is filled again"
        )


class Unsynced:
    """One writer's say that the store is written unsynced. Raises `Damaged`."""

    def __init__(self, store: Path) -> None:
        check(store)
        self._file = os.open(store / "unsynced", os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self._file, fcntl.LOCK_SH)
        if BOOT.exists():
            os.pwrite(self._file, BOOT.read_bytes(), 0)
            os.fsync(self._file)

    def close(self) -> None:
        """After all is synced: takes it back, unless others still write."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
        except BlockingIOError:
            pass
        finally:
            os.close(self._file)
