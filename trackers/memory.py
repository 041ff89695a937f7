"""What the trackers remember: a projection of the money log in the profile store's LMDB environment.

The keys of a batch of events, the frequency records they touch and the log position they reach go in with one
transaction, so a kill at any instant leaves memory at a position of the log, and replaying from there is exact. Between
the append to the log and that transaction the facts are *held* in the process.
"""

from collections.abc import Iterable, Sequence

from domain.clock import SECOND
from domain.events import Conversion, Notice, decode
from targeting.profiles import ProfileStore
from trackers.counting import Fact, click_key, facts, is_shown


class Memory:
    """One tracker's memory; ``log`` names its log and with it the checkpoint (``money/0``)."""

    def __init__(self, profiles: ProfileStore, log: str) -> None:
        self._profiles, self._log = profiles, log.encode()
        self._tables = {name: profiles.env.open_db(name.encode()) for name in ("seen", "clicks")}
        self._checkpoints = profiles.env.open_db(b"checkpoints")
        self._held: dict[tuple[str, bytes], bytes] = {}

    def position(self) -> int:
        """Up to where the log is contained in this memory."""
        with self._profiles.env.begin() as txn:
            return int.from_bytes(txn.get(self._log, b"", db=self._checkpoints), "big")

    def seen(self, key: bytes) -> bytes | None:
        """What is remembered under a key of `trackers.counting`; None: nothing."""
        return self._get("seen", key)

    def click(self, bid: int, imp: int) -> Notice | None:
        """The click on this bid's ad, if there was one."""
        found = self._get("clicks", click_key(bid, imp))
        if found is None:
            return None
        notice = decode(found)
        assert isinstance(notice, Notice)
        return notice

    def _get(self, table: str, key: bytes) -> bytes | None:
        held = self._held.get((table, key))
        if held is not None:
            return held
        with self._profiles.env.begin() as txn:
            found: bytes | None = txn.get(key, db=self._tables[table])
            return found

    def hold(self, new: Iterable[Fact]) -> None:
        """Remembers facts in the process, until they are applied."""
        for fact in new:
            self._held[fact.table, fact.key] = fact.value

    def release(self, old: Iterable[Fact]) -> None:
        """Forgets held facts: they were applied, or their event could not be kept."""
        for fact in old:
            if self._held.get((fact.table, fact.key)) == fact.value:
                del self._held[fact.table, fact.key]

    def apply(self, events: Sequence[Notice | Conversion], position: int) -> None:
        """Makes the memory contain the log up to ``position``. Waits for other writers of the store: for a thread."""
        with self._profiles.write() as txn:
            for event in events:
                for fact in facts(event):
                    txn.put(fact.key, fact.value, db=self._tables[fact.table])
                if isinstance(event, Notice) and event.person and is_shown(event):
                    at_s = event.received_ns // SECOND
                    self._profiles.record_impression(
                        txn, event.person, at_s, event.campaign, event.line_item, event.advertiser
                    )
            txn.put(self._log, position.to_bytes(8, "big"), db=self._checkpoints)
