"""What the trackers remember: a projection of the money log in the profile store's LMDB environment.

The keys of a batch of events, the frequency records they touch and the log position they reach go in with one
transaction, so a kill at any instant leaves memory at a position of the log, and replaying from there is exact. Between
the append to the log and that transaction the facts are *held* in the process.
"""

from collections.abc import Iterable, Sequence
from typing import TypeGuard

from domain.clock import SECOND
from domain.events import Conversion, Notice, decode
from targeting.people import Edit, Profiles
from targeting.profiles import ProfileStore
from targeting.record import campaign_scope, line_item_scope
from trackers.counting import Fact, click_key, facts, is_shown


class Memory:
    """One tracker's memory; ``log`` names its log and with it the checkpoint (``money/0``).

    Of a fleet the records are in ``people``. They are changed before the transaction is written, so that a kill in
    between counts impressions of the last batch twice: caps then hold too early, never too late.
    """

    def __init__(self, profiles: ProfileStore, log: str, people: Profiles | None = None) -> None:
        self._profiles, self._log, self._people = profiles, log.encode(), people
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
        """Makes the memory contain the log up to ``position``. Waits for other writers of the store: for a thread.
        Raises `targeting.redis_address.Away` if people are in Redis, and it does not answer.
        """
        if self._people is not None:
            self._people.change((event.person, _show(event)) for event in events if _is_seen(event))
        with self._profiles.write() as txn:
            for event in events:
                for fact in facts(event):
                    txn.put(fact.key, fact.value, db=self._tables[fact.table])
                if self._people is None and _is_seen(event):
                    at_s = event.received_ns // SECOND
                    self._profiles.record_impression(
                        txn, event.person, at_s, event.campaign, event.line_item, event.advertiser
                    )
            txn.put(self._log, position.to_bytes(8, "big"), db=self._checkpoints)


def _is_seen(event: Notice | Conversion) -> TypeGuard[Notice]:
    """Whether it is an impression that counts, of somebody who is known."""
    return isinstance(event, Notice) and event.person != 0 and is_shown(event)


def _show(notice: Notice) -> Edit:
    scopes = campaign_scope(notice.campaign), line_item_scope(notice.line_item)
    return lambda editor: editor.show(notice.received_ns // SECOND, scopes, notice.advertiser)
