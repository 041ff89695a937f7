"""A file that one process of a host holds at a time."""

import fcntl
import os
from pathlib import Path


class FileLock:
    """The kernel frees it with its process. The file stays: whoever removed it would let two hold it."""

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, -1

    def take(self) -> bool:
        """Makes sure that it is held; False: another process has it."""
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
