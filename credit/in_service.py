"""Files that a process has in use and that are replaced whole: taken up when they are others than before."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from domain.errors import Refused

T = TypeVar("T")

log = logging.getLogger(__name__)


class InService(Generic[T]):
    """What `load` makes of ``path``. ``watched`` is the file whose change counts; one that cannot be used leaves in
    use what was, and is said once.
    """

    def __init__(self, name: str, path: Path, load: Callable[[Path], T], watched: str = "") -> None:
        self.name, self.path, self.value = name, path, None
        self.trouble = ""
        self._load, self._file = load, path / watched if watched else path
        self._seen: tuple[int, int, int] | None = None

    value: T | None

    def look(self) -> bool:
        """Takes up what is new; is anything?"""
        try:
            told = self._file.stat()
        except OSError:
            self._seen, self.value, self.trouble = None, None, ""
            return False
        seen = told.st_ino, told.st_mtime_ns, told.st_size
        if seen == self._seen:
            return False
        try:
            self.value = self._load(self.path)
        except (Refused, ValueError, OSError) as error:
            if self.trouble != str(error):
                log.error("%s: %s", self.name, error)
            self.trouble = str(error)
            if not isinstance(error, OSError):  # else it may be readable the next time
                self._seen = seen
            return False
        self._seen, self.trouble = seen, ""
        log.info("%s: %s is in service", self.name, self.path)
        return True
