"""What the trackers remember: a projection of the money log in the profile store's LMDB environment.

The keys of a batch of events, the frequency records they touch and the log position they reach go in with one
transaction, so a kill at any instant leaves memory at a position of the log, and replaying from there is exact. Between
the append to the log and that transaction the facts are *held* in the process.

The bids behind the events are held against frequency caps where the bidders look, too (`trackers.in_flight`): an
impression lets go of its hold once it is counted, a loss at once.
"""

from collections.abc import Iterable, Sequence

from domain.clock import SECOND
from domain.events import Conversion, Notice, decode
from targeting.holds import Holds
from targeting.people import Edit, Profiles, impression
from targeting.profiles import ProfileStore
from targeting.redis_holds import RedisHolds
from trackers.counting import Fact, click_key, counters, facts, is_shown
from trackers.in_flight import InFleet, InFlight, OnThisHost


class Memory:
    """One tracker's memory; ``log`` names its log and with it the checkpoint (``money/0``). ``holds`` None: no bids are
    held.

    Of a fleet the records are in ``people``. They are changed before the transaction is written, so that a kill in
    between counts impressions of the last batch twice: caps then hold too early, never too late.
    """

    def __init__(
        self,
        profiles: ProfileStore,
        log: str,
        people: Profiles | None = None,
        holds: Holds | RedisHolds | None = None,
    ) -> None:
        self._profiles, self._log, self._people = profiles, log.encode(), people
        self._bids: InFlight | None = None
        if holds is not None:
            self._bids = OnThisHost(holds) if isinstance(holds, Holds) else InFleet(holds)
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

    def see(self, event: Notice | Conversion) -> None:
        """An event is about to be logged: from here on its impression counts as one that cannot expire any more."""
        if self._bids is not None:
            self._bids.see(event)

    def settle(self) -> None:
        """The memory has caught up with the log: all that was seen before is counted."""
        if self._bids is not None:
            self._bids.settle()

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
        shown = [(key, _show(event, key)) for event in events if is_shown(event) for key in counters(event)]
        if self._people is not None:
            self._people.change(shown)
        with self._profiles.write() as txn:
            for event in events:
                for fact in facts(event):
                    txn.put(fact.key, fact.value, db=self._tables[fact.table])
            if self._people is None:
                self._profiles.edit_all(txn, shown)
            txn.put(self._log, position.to_bytes(8, "big"), db=self._checkpoints)
        if self._bids is not None:
            self._bids.applied(events)  # only now: what is let go of must be counted for all who look


def _show(shown: Notice, key: int) -> Edit:
    """An impression in the counters of one of those whom it is counted for."""
    return impression(
        shown.received_ns // SECOND,
        shown.campaign,
        shown.line_item,
        shown.advertiser,
        shown.creative,
        relates=key == shown.person,
    )
