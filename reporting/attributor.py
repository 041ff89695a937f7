"""The thread that keeps conversions credited: a round now and then, and runs over days that somebody asks for."""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.attribution import Credit, Rules
from domain.clock import Clock
from domain.errors import Unavailable
from reporting.attribution import Attribution, Tally
from reporting.identities import keys_of
from reporting.store import Store, StoreError
from targeting.stores import open_store as open_profiles

log = logging.getLogger(__name__)

DIRECTORY = "attribution"
"""In the data directory."""
_RETRY_S, _LOOK_S = 2.0, 0.2
_SHARE = 5
"""After a round it rests for so many times as long as that took."""


class Waiting(Exception):
    """Nothing is wrong: something is not there yet."""


@dataclass(frozen=True)
class Asked:
    """Days since 1970, both included; None: what is new."""

    days: tuple[int, int] | None
    answer: "Future[Tally]"


class Attributor(threading.Thread):
    """``open_store`` opens a connection of its own once ``ready`` is set; ``rules`` are None until they are known.
    ``working`` is held while it reads and writes persons' rows.
    """

    def __init__(
        self,
        data: Path,
        origin: str,
        clock: Clock,
        pause_s: float,
        ready: threading.Event,
        open_store: Callable[[], Store],
        rules: Callable[[], Mapping[int, Rules] | None],
        working: threading.Lock,
        events_days: int = 0,
    ) -> None:
        super().__init__(name="attribution", daemon=True)
        self._data, self._origin, self._clock, self._pause_s = data, origin, clock, pause_s
        self._ready, self._open, self._rules = ready, open_store, rules
        self._working, self._events_days = working, events_days
        self.trouble = ""
        """Why conversions are not credited at the moment, if they are not."""
        self.rounds, self.changed, self.round_s, self.done_ns = 0, 0, 0.0, 0
        """Rounds and changed credits since the start; how long the last round took, and when it ended."""
        self._wanted: queue.Queue[Asked | None] = queue.Queue()
        self._stopping = False
        self._job: Attribution | None = None

    def ask(self, days: tuple[int, int] | None) -> "Future[Tally]":
        """Credits the conversions of these days anew, or what is new. The answer fails with StoreError, at once while
        the store was never open: nobody can tell when it will be.
        """
        asked = Asked(days, Future())
        if self._ready.is_set():
            self._wanted.put(asked)
        else:
            asked.answer.set_exception(StoreError("it has not been opened yet; /ready of the reporter says why"))
        return asked.answer

    def told(self) -> dict[str, Any]:
        """For operators."""
        told = {"trouble": self.trouble, "rounds": self.rounds, "changed": self.changed, "round_s": self.round_s}
        return told | {"done_ns": self.done_ns}

    def stop(self) -> None:
        """Ends after the part of a round in hand."""
        self._stopping = True
        if self._job is not None:
            self._job.ending = True
        self._wanted.put(None)
        self.join()

    def run(self) -> None:
        asked: Asked | None = None
        while not self._stopping:
            store: Store | None = None
            try:
                if not self._ready.wait(_LOOK_S):
                    continue
                self._known()
                store = self._open()
                self._job = job = Attribution(
                    store, self._data / DIRECTORY, self._origin, self._clock, self._keys, events_days=self._events_days
                )
                while not self._stopping:
                    begun = time.monotonic()
                    self._work(job, asked)
                    self.trouble, asked = "", None
                    asked = self._next(max(self._pause_s, _SHARE * (time.monotonic() - begun)))
            except Exception as error:  # a fault must not end the thread: it would be noticed by nobody
                self._fail(error, asked)
                asked = self._next(_RETRY_S)
            finally:
                if store is not None:
                    store.close()
        self._refuse(asked)

    def _known(self) -> Mapping[int, Rules]:
        rules = self._rules()
        if rules is None:
            raise Waiting("what campaigns say of attribution is not known yet: control has not been heard")
        return rules

    def _work(self, job: Attribution, asked: Asked | None) -> None:
        job.follow(self._known())
        begun = time.monotonic()
        with self._working:
            tally = job.run(*asked.days) if asked is not None and asked.days else job.round()
        self.rounds, self.changed = self.rounds + 1, self.changed + tally.changed
        self.round_s, self.done_ns = time.monotonic() - begun, self._clock.now_ns()
        if asked is not None:
            asked.answer.set_result(tally)

    def _fail(self, error: Exception, asked: Asked | None) -> None:
        if self.trouble != str(error) and not self._stopping and not isinstance(error, Waiting):
            told = isinstance(error, StoreError | Unavailable)
            log.error("conversions are not credited: %s", error, exc_info=None if told else error)
        self.trouble = str(error)
        if asked is not None:
            asked.answer.set_exception(StoreError(str(error)))

    def _next(self, wait_s: float) -> Asked | None:
        """What somebody asks for meanwhile. From here on it cannot be taken back."""
        with contextlib.suppress(queue.Empty):
            asked = self._wanted.get(timeout=wait_s)
            if asked is not None and asked.answer.set_running_or_notify_cancel():
                return asked
        return None

    def _refuse(self, asked: Asked | None) -> None:
        """What is asked while it ends is answered, too."""
        with contextlib.suppress(queue.Empty):
            while True:
                if asked is not None:
                    asked.answer.set_exception(StoreError("the reporter is ending"))
                asked = self._wanted.get_nowait()
                if asked is not None and not asked.answer.set_running_or_notify_cancel():
                    asked = None

    def _keys(self, persons: Any) -> Mapping[int, Any]:
        with open_profiles(self._data, readonly=True) as profiles:
            return keys_of(profiles, persons)


def answer_of(tally: Tally) -> dict[str, int]:
    """As the reporter tells it."""
    kinds = {f"{kind.name.lower()}s" if kind else "uncredited": tally.kinds[int(kind)] for kind in Credit}
    return {"conversions": tally.kinds.total(), "changed": tally.changed, **kinds}
