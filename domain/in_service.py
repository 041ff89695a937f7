"""Files that a process has in use and that are replaced whole: taken up when they are others than before."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from domain.errors import Refused
from domain.file_stamp import Stamp, stamp_of

T = TypeVar("T")

log = logging.getLogger(__name__)


class InService(Generic[T]):
    """What `load` makes of ``path``. ``watched`` is the file in it whose change counts. One that cannot be used leaves
    in use what was, and is said once (``trouble``); where there is none, nothing is in use.
    """

    def __init__(self, name: str, path: Path, load: Callable[[Path], T], watched: str = "") -> None:
        self.name, self.path, self.value = name, path, None
        self.trouble = ""
        self._load, self._file = load, path / watched if watched else path
        self._seen: Stamp | None = None

    value: T | None

    def look(self) -> bool:
        """Takes up what is new, or gone; is anything?"""
        try:
            seen = stamp_of(self._file)
            if seen is None:
                gone, self._seen, self.value, self.trouble = self.value is not None, None, None, ""
                return gone
            if seen == self._seen:
                return False
            self.value = self._load(self.path)
        except (Refused, ValueError) as error:
            self._say(error)
            self._seen = seen
            return False
        except OSError as error:  # it may be readable the next time
            self._say(error)
            return False
        self._seen, self.trouble = seen, ""
        log.info("%s: %s is in service", self.name, self.path)
        return True

    def _say(self, error: Exception) -> None:
        if self.trouble != str(error):
            log.error("%s: %s", self.name, error)
        self.trouble = str(error)
