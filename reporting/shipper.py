"""Logs -> analytics store, every record exactly once, whatever is killed when.

A batch is a stretch of one log, ``[start, end)``. It is announced in the table ``batches`` first; then each of its
blocks (one table, one day) goes in as one insert, which arrives whole or not at all, its rows carrying the batch's
id. A batch is announced only when the one before it is complete, so after a crash, or an insert with an unknown end,
the newest announcement of a log says all: the same stretch is read again, gives the same blocks, and is completed
(`reporting.recovery`). Positions are kept nowhere else: a store that is lost or restored is refilled from where it
stands.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from reporting.aside import Aside
from reporting.names import Dictionary, of_sites
from reporting.recovery import Recovery, batch_id, send
from reporting.rows import Made, blocks
from reporting.schema import BATCHES
from reporting.sources import Source
from reporting.store import Store, StoreError

log = logging.getLogger(__name__)

_AT_ONCE = 4
"""Batches of one source, one after the other: then it is others' turn."""


class Shipper:
    """Belongs to one thread. ``sources`` is asked anew in every round. ``aside`` gets the records that the store cannot
    take.
    """

    def __init__(
        self,
        store: Store,
        sources: Callable[[], Sequence[Source]],
        batch_rows: int = 200_000,
        aside: Aside | None = None,
    ) -> None:
        self.store, self._sources, self._limit = store, sources, batch_rows
        self.aside = aside or Aside()
        self.dictionary = Dictionary()
        self.positions: dict[str, int] = {}
        """Up to where each log is in the store for certain."""
        self.failures: dict[str, str] = {}
        """Sources that could not be shipped in the last round, and why."""
        self.shipped: dict[str, int] = {}
        """Records of each source since the start."""
        self._begun: dict[str, tuple[int, int]] = {}
        """Batches that were announced, and of which it is not known that they are complete."""
        self._moved: dict[str, float] = {}
        """When each source brought something that was not announced to be complete yet."""
        self._doubt = True

    @property
    def refused(self) -> int:
        """Records that are aside: they cannot be decoded, do not fit their columns, or are refused by the store."""
        return self.aside.count

    def round(self) -> int:
        """Ships a few batches of each source; returns how many records. Raises StoreError when the store fails."""
        sources = self._sources()
        try:
            if self._doubt:
                self._look_up()
            self._complete([source for source in sources if source.name in self._begun])
            return sum(self._guarded(source, self._ship) or 0 for source in sources if source.name not in self._begun)
        except StoreError:
            self._doubt = True
            raise

    def rest(self, idle_s: float = 0.0) -> None:
        """Announces of logs that brought nothing for so long that all of them is there."""
        if not self._doubt:
            for name, moved in list(self._moved.items()):
                if time.monotonic() - moved >= idle_s and name not in self._begun:
                    self._announce(name, self.positions[name], self.positions[name])
                    del self._moved[name]

    def _look_up(self) -> None:
        self.store.settle()
        announced = self.store.query("SELECT log, max(start), max(end) FROM batches GROUP BY log")
        begun = {name: (int(start), int(end)) for name, start, end in announced}
        self.positions = {name: start for name, (start, _) in begun.items()}
        self._begun = {name: batch for name, batch in begun.items() if batch[0] < batch[1]}
        self._doubt = False

    def _complete(self, sources: Sequence[Source]) -> None:
        """Makes good what was begun of these."""
        if not sources:
            return
        recovery = Recovery(self.store, self.aside)
        done = [source for source in sources if self._guarded(source, lambda one: self._again(one, recovery))]
        recovery.rebuild()
        for source in done:
            self.positions[source.name] = self._begun.pop(source.name)[1]
            self._moved[source.name] = time.monotonic()

    def _again(self, source: Source, recovery: Recovery) -> int:
        start, end = self._begun[source.name]
        records: list[bytes] = []
        at = start
        while at < end:
            piece, after = source.read(at, self._limit, end)
            if after == at:
                break  # a power cut took the end of a lazily synced log; its next segment lies beyond ``end``
            records, at = records + piece, after
        made = blocks(records, self.store.dialect)
        self._note(source, start, made)
        recovery.complete(source, start, end, records, made)
        return 1

    def _guarded(self, source: Source, act: Callable[[Source], int]) -> int | None:
        """One damaged log, or control being away, must not stop the others."""
        try:
            result = act(source)
        except StoreError:
            raise
        except Exception as error:
            if self.failures.get(source.name) != str(error):
                log.error("%s is not shipped: %s", source.name, error)
            self.failures[source.name] = str(error)
            return None
        self.failures.pop(source.name, None)
        return result

    def _ship(self, source: Source) -> int:
        """While one batch is sent the next is read: both within this call, so that whoever rewrites a log and then
        waits for the round's end (`reporting.feed.Feed.shipping`) knows that nothing is held that was read before.
        """
        start = self.positions.get(source.name, 0)
        ready, shipped = self._read(source, start), 0
        with ThreadPoolExecutor(1, thread_name_prefix="ahead") as ahead:
            for more in range(_AT_ONCE, 0, -1):
                records, end, made = ready
                if end == start:
                    if source.name not in self._moved:
                        source.passed(start)
                    break
                goes_on = more > 1 and len(records) >= self._limit // 4
                following = ahead.submit(self._read, source, end) if goes_on else None
                self._note(source, start, made)
                self._announce(source.name, start, end)
                source.passed(start)  # not its end: until the next announcement it may have to be read again
                try:
                    for block in made.blocks:
                        send(self.store, self.aside, source.name, block, batch_id(source.name, start, end, block))
                except Exception:  # whatever it is, a part may be there: this same batch must be completed
                    self._doubt = True
                    raise
                self.positions[source.name] = start = end
                self._moved[source.name] = time.monotonic()
                shipped += len(records)
                if following is None:
                    break
                ready = following.result()
        self.shipped[source.name] = self.shipped.get(source.name, 0) + shipped
        return shipped

    def _read(self, source: Source, start: int) -> tuple[list[bytes], int, Made]:
        records, end = source.read(start, self._limit)
        return records, end, blocks(records, self.store.dialect)

    def _note(self, source: Source, start: int, made: Made) -> None:
        """What of a batch goes elsewhere than into its blocks."""
        position, place = start, 0
        for number, refusal in enumerate(made.refused):
            if self.aside.is_full(source.name):
                more = len(made.refused) - number
                self.aside.count += more
                log.error("%s: %d more records are left out: %s", source.name, more, refusal.why)
                break
            position, place = source.position(position, refusal.place - place), refusal.place
            if self.aside.put(source.name, position, refusal.why):
                log.error("%s: the record at %d is left out: %s", source.name, position, refusal.why)
        self.dictionary.write(self.store, of_sites(made.sites.items()), 1)

    def _announce(self, name: str, start: int, end: int) -> None:
        self.store.insert(BATCHES, {"log": [name], "start": [start], "end": [end]}, f"{name}:{start}-{end}")
