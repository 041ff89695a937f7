"""The thread that keeps the store up to date: opens and migrates it, ships the logs, follows the published names."""

import contextlib
import logging
import random
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException

import msgspec

from domain.attribution import Rules
from domain.campaign import Snapshot
from domain.clock import from_env, utc
from domain.settings import Places, SettingsError
from eventlog.reader import LogCorrupt
from eventlog.remote import origin
from reporting import people
from reporting.aside import Aside
from reporting.attributor import Attributor
from reporting.config import Reporting
from reporting.names import of_snapshot
from reporting.retention import sweep
from reporting.rollups import mend
from reporting.shipper import Shipper
from reporting.sources import Lag, SettlementSource, Source, logs
from reporting.store import Store, StoreError, migrate, open_store
from reporting.store_lock import StoreLock
from reporting.window_rules import rules_of

log = logging.getLogger(__name__)

_NAMES_EVERY_S = 2.0
_SWEEP_EVERY_S = 3_600.0
_TIMEOUT_S = 5.0
_RETRY_S, _LONGEST_RETRY_S = 1.0, 30.0
"""Pause after a first failure of the store; it doubles with each further one, and is drawn from its upper half."""
_RESTS_S = 5.0
"""A log that brought nothing for so long is announced to be complete: then nothing of it is in doubt after a start."""
_MUCH = 10_000
"""Records of a round after which the next follows at once; control gives as many bookings at a time."""
_CALM_ROUNDS = 10
"""Without a failure, until the pause is the first one again."""
_snapshot = msgspec.msgpack.Decoder(Snapshot)


class Feed(threading.Thread):
    """``ready`` is set when the schema is in place; ``trouble`` says what keeps the store from being fed, if anything
    does.
    """

    def __init__(self, places: Places, settings: Reporting) -> None:
        super().__init__(name="feed", daemon=True)
        self._places, self._settings = places, settings
        self.origin = origin(places.data)
        self.ready = threading.Event()
        self.trouble = "the analytics store is being opened"
        self.shipper: Shipper | None = None
        self.rules: Mapping[int, Rules] | None = None
        """What campaigns say of attribution; None: not known yet."""
        self.aside = Aside(places.data / "poison")
        self.failures = 0
        """Times since the start that the store failed or could not be reached."""
        self._stopping = threading.Event()
        self.shipping = threading.Lock()
        """Held while a batch is read and sent. Who holds it knows that nothing is on its way that was read before."""
        self.crediting = threading.Lock()
        """Held while conversions are credited."""
        self.attributor: Attributor | None = None
        if settings.attribution:
            self.attributor = Attributor(
                places.data, self.origin, from_env(), settings.attribution_s, self.ready,
                lambda: self.open_apart("attribution"), lambda: self.rules, self.crediting,
                settings.keep_days.events,
            )  # fmt: skip
        self._lock = StoreLock(places.data, settings.store)
        self._ledger = SettlementSource(f"{self.origin}/settlements", places.control_base)
        self._names_due = self._sweep_due = 0.0

    def sources(self) -> list[Source]:
        found: list[Source] = [*logs(self._places.data, self.origin)]
        return [*found, self._ledger] if self._settings.settlements else found

    def open(self) -> Store:
        """One more connection to the store, for whoever wants to query it."""
        settings = self._settings
        return open_store(settings.store, self._places.data, owner=self.origin, query_seconds=settings.query_seconds)

    def open_apart(self, name: str) -> Store:
        """A connection for a job of its own: what one of them sends is not what the other settles."""
        settings = self._settings
        owner = f"{self.origin}.{name}"
        return open_store(settings.store, self._places.data, owner=owner, query_seconds=settings.query_seconds)

    def start(self) -> None:
        super().start()
        if self.attributor is not None:
            self.attributor.start()

    def stop(self) -> None:
        """Ends after the batch in hand."""
        self._stopping.set()
        if self.attributor is not None:
            self.attributor.stop()
        self.join()
        self._lock.release()

    def run(self) -> None:
        self._pause_s = _RETRY_S
        while not self._stopping.is_set():
            store: Store | None = None
            if not self._lock.take():
                self.trouble = "another process of this host writes into the analytics store: a reporter, or a replay"
                self._stopping.wait(_RETRY_S)
                continue
            try:
                store = self.open()
                migrate(store)
                if anew := mend(store):
                    days = ", ".join(map(str, anew))
                    log.warning("rollups were not the sums of their facts, and were made anew: %s", days)
                self.shipper = Shipper(store, self.sources, self._settings.batch_rows, self.aside)
                self.ready.set()
                self._feed(self.shipper, store)
            except Exception as error:  # a fault must not end the thread: nothing would be shipped any more
                if self.trouble != str(error):
                    told = isinstance(error, StoreError | SettingsError)
                    log.error("the analytics store is not fed: %s", error, exc_info=None if told else error)
                self.trouble = str(error) or repr(error)
                self.failures += 1
                self._stopping.wait(self._pause_s * random.uniform(0.5, 1.0))
                self._pause_s = min(2 * self._pause_s, _LONGEST_RETRY_S)
            finally:
                if store is not None:
                    store.close()

    def forget(self, store: Store, persons: Sequence[int]) -> tuple[dict[str, int], int]:
        """`people.blank`, when what was read of logs and store before has arrived."""
        with self.crediting, self.shipping:
            return people.blank(store, self._places.data, persons)

    def behind(self) -> dict[str, int | str]:
        """What each source has that the store lacks, or why that is unknown."""
        if self.shipper is None:
            return {"store": self.trouble}
        found: dict[str, int | str] = dict(self.shipper.failures)
        if self.trouble:
            found["store"] = self.trouble
        for source in self.sources():
            try:
                found[source.name] = source.behind(self.shipper.positions.get(source.name, 0))
            except (OSError, HTTPException, msgspec.DecodeError) as error:
                found[source.name] = str(error)
        return found

    def lag(self) -> dict[str, Lag]:
        """Of each source that can be read now. Before the store was opened, everything is behind."""
        positions = self.shipper.positions if self.shipper is not None else {}
        now_ns, found = from_env().now_ns(), {}
        for source in self.sources():
            with contextlib.suppress(OSError, HTTPException, msgspec.DecodeError, LogCorrupt):  # `behind` tells it
                found[source.name] = source.lag(positions.get(source.name, 0), now_ns)
        return found

    def _feed(self, shipper: Shipper, store: Store) -> None:
        calm = 0
        while not self._stopping.is_set():
            self._follow_names(shipper, store)
            self._sweep(store)
            with self.shipping:
                shipped = shipper.round()
            self.trouble, calm = "", calm + 1
            if calm >= _CALM_ROUNDS:
                self._pause_s = _RETRY_S
            if shipped < min(self._settings.batch_rows, _MUCH):
                shipper.rest(_RESTS_S)
                self._stopping.wait(self._settings.pause_s)
        shipper.rest()

    def _sweep(self, store: Store) -> None:
        if time.monotonic() >= self._sweep_due:
            self._sweep_due = time.monotonic() + _SWEEP_EVERY_S
            sweep(store, utc(from_env().now_ns()).date(), self._settings.keep_days)
            people.drop_lists(store)

    def _follow_names(self, shipper: Shipper, store: Store) -> None:
        if time.monotonic() < self._names_due:
            return
        self._names_due = time.monotonic() + _NAMES_EVERY_S
        try:
            with urllib.request.urlopen(
                f"{self._places.control_base}/v1/snapshots/current", timeout=_TIMEOUT_S
            ) as answer:
                snapshot = _snapshot.decode(answer.read())
        except (OSError, HTTPException, msgspec.DecodeError) as error:  # reports show ids until control is back
            log.debug("names could not be fetched: %s", error)
            return
        self.rules = rules_of(snapshot)
        shipper.dictionary.write(store, of_snapshot(snapshot), snapshot.published_ns)
