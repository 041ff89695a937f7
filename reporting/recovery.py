"""What was announced and may not be complete is completed: blocks that the store lacks are sent, rollups put right.

The store is asked for each block whether it has rows with that id, and is sent what it lacks; and because it can have
taken a block and been killed before its views did, the days are made anew in the rollups. Tokens are not believed: a
current engine that is killed may know one and not have the block (`reporting.store.anew`), or, after a power cut, the
other way round. Only replicated tables, which put token and block down together, are sent everything again, and take
what they lack; unless so much was sent meanwhile that they may have forgotten.
"""

import logging
from datetime import UTC, datetime

from domain.naming import name_id
from reporting.aside import Aside
from reporting.rollups import rebuild_days
from reporting.rows import DAY_NS, Block, Made, blocks
from reporting.sources import Source
from reporting.store import Store, StoreError, anew

log = logging.getLogger(__name__)

MOST_ASIDE = 100
"""Records of one block that the store may refuse: if there are more it is not the records that are at fault."""
_WINDOW = "replicated_deduplication_window"


def batch_id(source: str, start: int, end: int, block: Block) -> str:
    """The name of one insert; its `name_id` is the column ``batch``."""
    return f"{source}:{start}-{end}:{block.table.name}:{block.day}"


def send(store: Store, aside: Aside, source: str, block: Block, name: str, token: str = "") -> None:
    """Sends a block whole. One that is refused for what is in it is noted to be taken apart: its recovery does."""
    try:
        store.send(block, name, token)
    except StoreError as error:
        if error.of_content:
            aside.take_apart(source, name)
        raise


class Recovery:
    """Of one or more batches; at the end `rebuild`."""

    def __init__(self, store: Store, aside: Aside) -> None:
        self._store, self._aside = store, aside
        self._days: set[int] = set()

    def complete(self, source: Source, start: int, end: int, records: list[bytes], made: Made) -> None:
        """``made`` of ``records``, which are all of the batch. Raises StoreError."""
        for block in made.blocks:
            name = batch_id(source.name, start, end, block)
            if self._aside.is_apart(source.name, name):
                self._in_pieces(source, start, records, block, name)
            elif self._remembers(block):
                send(self._store, self._aside, source.name, block, name)
            else:
                if not self._has(block, name):
                    send(self._store, self._aside, source.name, block, name, anew(name))
                self._days.add(block.day)

    def rebuild(self) -> None:
        """Makes the rollups of days anew that a block may be missing of."""
        rebuild_days(self._store, [datetime.fromtimestamp(day * DAY_NS // 10**9, UTC).date() for day in self._days])
        self._days.clear()

    def _remembers(self, block: Block) -> bool:
        """The store knows each block that can be in doubt by its token, and has what it knows."""
        window = self._store.dialect.settings.get(_WINDOW, 0)
        if not window:
            return False
        table = self._store.dialect.local(block.table.name)
        sql = f"SELECT uniqExact(batch) FROM {table} WHERE day >= toDate(%(day)s)"
        return int(self._store.query(sql, {"day": block.day})[0][0]) < window // 2

    def _has(self, block: Block, name: str) -> bool:
        table = self._store.dialect.local(block.table.name)
        sql = f"SELECT count() FROM {table} WHERE day = toDate(%(day)s) AND batch = %(batch)s"
        found = int(self._store.query(sql, {"day": block.day, "batch": name_id(name)})[0][0])
        if 0 < found < block.rows:
            raise StoreError(f"{block.table.name} holds {found} of the {block.rows} rows of batch {name}")
        if found > block.rows:  # it arrived, and then the log lost its end in a power cut, or damage was passed over
            log.warning("%s holds %d rows of batch %s, and its log %d", block.table.name, found, name, block.rows)
        return found > 0

    def _in_pieces(self, source: Source, start: int, records: list[bytes], block: Block, name: str) -> None:
        """Sends a block that the store refused for a row of it, half by half, until that row is alone and put aside."""
        self._days.add(block.day)
        if self._has(block, name):  # it is a view that refused: the facts are there
            return
        places = [place for place, record in enumerate(records) if self._goes_into(record, block)]
        waiting, aside = [(0, len(places))], 0
        while waiting:
            low, high = waiting.pop()
            piece, part = f"{name}#{low}-{high}", places[low:high]
            if self._aside.is_apart(source.name, piece):
                why = ""
            else:
                (rows,) = blocks([records[place] for place in part], self._store.dialect).blocks
                why = self._refused(rows, piece)
                if not why:
                    continue
            if high - low > 1:
                self._aside.take_apart(source.name, piece)
                waiting += ((low + high) // 2, high), (low, (low + high) // 2)
                continue
            aside += 1
            position, why = source.position(start, part[0]), f"{block.table.name} refuses it: {why}"
            if self._aside.put(source.name, position, why):
                log.error("%s: the record at %d is left out: %s", source.name, position, why)
            if aside > MOST_ASIDE:
                raise StoreError(f"{block.table.name} refuses more than {MOST_ASIDE} records of {name}: {why}")

    def _refused(self, block: Block, name: str) -> str:
        """Why the store does not take it; empty: it has it."""
        if self._has(block, name):
            return ""
        try:
            self._store.send(block, name, anew(name))
        except StoreError as error:
            if not error.of_content:
                raise
            return "" if self._has(block, name) else f"ClickHouse error {error.code}"  # its text can tell of persons
        return ""

    def _goes_into(self, record: bytes, block: Block) -> bool:
        made = blocks([record], self._store.dialect).blocks
        return bool(made) and (made[0].table.name, made[0].day) == (block.table.name, block.day)
