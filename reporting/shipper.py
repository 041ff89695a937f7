"""Logs -> analytics store, every record exactly once, whatever is killed when.

A batch is a stretch of one log, ``[start, end)``. It is announced in the table ``batches`` first; then each of its
blocks (one table, one day) goes in as one insert, which arrives whole or not at all, its rows carrying the batch's
id. A batch is announced only when the one before it is complete, so after a crash, or an insert with an unknown end,
the newest announcement of a log says all: the same stretch is read again, gives the same blocks, and those that the
store lacks are sent. Positions are kept nowhere else: a store that is lost or restored is refilled from where it
stands.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from domain.naming import name_id
from reporting import rows as block_rows
from reporting.names import Dictionary, of_sites
from reporting.rows import Block
from reporting.schema import BATCHES
from reporting.sources import Source
from reporting.store import Store, StoreError

log = logging.getLogger(__name__)


class Shipper:
    """Belongs to one thread. ``sources`` is asked anew in every round."""

    def __init__(self, store: Store, sources: Callable[[], Sequence[Source]], batch_rows: int = 50_000) -> None:
        self.store, self._sources, self._limit = store, sources, batch_rows
        self.dictionary = Dictionary()
        self.positions: dict[str, int] = {}
        """Up to where each log is in the store for certain."""
        self.refused = 0
        """Records since the start that could not be decoded or do not fit their columns: left out, and said so in the
        log.
        """
        self.failures: dict[str, str] = {}
        """Sources that could not be shipped in the last round, and why."""
        self._begun: dict[str, tuple[int, int]] = {}
        self._doubt = True

    def round(self) -> int:
        """Ships at most one batch of each source; returns how many records. Raises StoreError when the store fails."""
        if self._doubt:
            self._recover()
        shipped = 0
        for source in self._sources():
            try:
                shipped += self._ship(source)
                self.failures.pop(source.name, None)
            except StoreError:
                self._doubt = True
                raise
            except Exception as error:  # one damaged log, or control being away, must not stop the others
                if self.failures.get(source.name) != str(error):
                    log.error("%s is not shipped: %s", source.name, error)
                self.failures[source.name] = str(error)
        return shipped

    def _recover(self) -> None:
        self.store.settle()
        announced = self.store.query("SELECT log, argMax(start, end), max(end) FROM batches GROUP BY log")
        self._begun = {name: (int(start), int(end)) for name, start, end in announced}
        self.positions = {name: start for name, (start, _) in self._begun.items()}
        self._doubt = False

    def _ship(self, source: Source) -> int:
        start = self.positions.get(source.name, 0)
        if begun := self._begun.get(source.name):
            self._finish(source, *begun)
            del self._begun[source.name]
            self.positions[source.name] = start = begun[1]
        events, end, undecoded = source.read(start, self._limit)
        if end == start:
            return 0
        blocks = self._prepare(source.name, events, undecoded)
        self.store.insert(BATCHES, {"log": [source.name], "start": [start], "end": [end]}, f"{source.name}:{start}")
        source.passed(start)  # not its end: until the next announcement it may have to be read again
        for block in blocks:
            self._insert(block, batch_id(source.name, start, end, block))
        self.positions[source.name] = end
        return len(events)

    def _finish(self, source: Source, start: int, end: int) -> None:
        """Sends what is missing of a batch that was announced. Reading it again gives the same records in as many
        pieces.
        """
        events: list[Any] = []
        undecoded, at = 0, start
        while at < end:
            piece, after, bad = source.read(at, self._limit, end)
            if after == at:
                break  # a power cut took the end of a lazily synced log; its next segment lies beyond ``end``
            events += piece
            undecoded, at = undecoded + bad, after
        for block in self._prepare(source.name, events, undecoded):
            name = batch_id(source.name, start, end, block)
            found = self._count(block, name)
            if found not in (0, block.rows):
                raise StoreError(f"{block.table.name} holds {found} of the {block.rows} rows of batch {name}")
            if not found:
                self._insert(block, name)

    def _prepare(self, source: str, events: Sequence[Any], undecoded: int) -> list[Block]:
        blocks, sites, unfit = block_rows.blocks(events)
        if undecoded or unfit:
            log.error("%s: %d records could not be decoded, %d do not fit their columns", source, undecoded, unfit)
            self.refused += undecoded + unfit
        self.dictionary.write(self.store, of_sites(sites.items()), 1)
        return blocks

    def _insert(self, block: Block, name: str) -> None:
        self.store.insert(block.table, {**block.columns, "batch": [name_id(name)] * block.rows}, name)

    def _count(self, block: Block, name: str) -> int:
        where = "day = toDate(%(day)s) AND batch = %(batch)s"
        sql = f"SELECT count() FROM {block.table.name} WHERE {where}"
        return int(self.store.query(sql, {"day": block.day, "batch": name_id(name)})[0][0])


def batch_id(source: str, start: int, end: int, block: Block) -> str:
    """The name of one insert; its `name_id` is the column ``batch``."""
    return f"{source}:{start}-{end}:{block.table.name}:{block.day}"
