"""Who writes into a store: one process of a host at a time."""

import fcntl
import os
from pathlib import Path

from domain.naming import name_id


class StoreLock:
    """One process of a host writes into a store: the reporter, or a replay. The kernel frees it with its process."""

    def __init__(self, data: Path, address: str) -> None:
        self._path, self._file = data / f"reporter-{name_id(address):016x}.lock", -1

    def take(self) -> bool:
        """False: another process has it."""
        if self._file < 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            self._file = file
        return True

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
