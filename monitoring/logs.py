"""How processes log: text for people or one JSON object a line, without persons, and the same error not for ever."""

import logging
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

import orjson

from monitoring import process
from monitoring.config import LogSettings
from monitoring.personal import without_persons

WINDOW_S = 60.0
MOST_KNOWN = 1_000
"""Different errors that are remembered at once."""
CHATTY = ("alembic", "aiohttp.access")
"""They say something at every start, or for every request."""

_STANDARD = frozenset((*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"))
_Key = tuple[str, int, str, str]


class Text(logging.Formatter):
    """A line for people, and the traceback below it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return without_persons(super().format(record))


class Json(logging.Formatter):
    """One JSON object. ``fields`` is whatever the caller gave as ``extra``."""

    def __init__(self, name: str, worker: int | None) -> None:
        super().__init__()
        self._process = {"process": name} | ({} if worker is None else {"worker": worker})

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            **self._process,
            "pid": record.process,
            "logger": record.name,
            "message": without_persons(record.getMessage()),
        }
        fields = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        if fields:
            told["fields"] = {name: without_persons(str(value)) for name, value in fields.items()}
        if record.exc_info and record.exc_info[0] is not None:
            told["exception"] = {
                "type": record.exc_info[0].__name__,
                "message": without_persons(str(record.exc_info[1])),
                "traceback": without_persons("".join(traceback.format_exception(*record.exc_info))),
            }
        return orjson.dumps(told).decode()


class Output(logging.StreamHandler[TextIO]):
    """Writes records, and the same warning or error at most ``repeats`` times in `WINDOW_S`: what says the same again
    is counted, and how often it came is said when the time is over and anything is logged.
    """

    def __init__(self, stream: TextIO, repeats: int, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._repeats, self._now = repeats, now
        self._seen: dict[_Key, tuple[float, int]] = {}
        """When its window began, and how often it came since."""

    def emit(self, record: logging.LogRecord) -> None:
        process.logged[record.levelname.lower()] += 1
        now = self._now()
        for key in [key for key, (began, _) in self._seen.items() if now - began >= WINDOW_S]:
            self._tell(key, self._seen.pop(key)[1])
        if record.levelno >= logging.WARNING:
            raised = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
            key = record.name, record.levelno, str(record.msg), raised
            if key in self._seen or len(self._seen) < MOST_KNOWN:
                began, times = self._seen.get(key, (now, 0))
                self._seen[key] = began, times + 1
                if times >= self._repeats:
                    return
        super().emit(record)

    def _tell(self, key: _Key, times: int) -> None:
        left_out = times - self._repeats
        if left_out > 0:
            name, level, message, _ = key
            again = logging.LogRecord(name, level, "", 0, f"{left_out} more times: {message}", None, None)
            again.left_out = left_out
            super().emit(again)


def begin(name: str, worker: int | None, settings: LogSettings, stream: TextIO | None = None) -> None:
    """Sets up logging of this process, once."""
    output = Output(stream or sys.stderr, settings.repeats)
    output.setFormatter(Json(name, worker) if settings.format == "json" else Text())
    logging.basicConfig(level=settings.level.upper(), handlers=[output], force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for logger, level in settings.levels.items():
        logging.getLogger(logger).setLevel(level.upper())


def line(name: str, message: str, settings: LogSettings) -> str:
    """A line that is said outside of logging (the supervisor's own), in the form that is set."""
    if settings.format == "text":
        return message
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    return orjson.dumps({"time": now, "level": "info", "process": name, "message": message}).decode()
