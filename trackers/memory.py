"""What the trackers remember: a projection of the money log in the profile store's LMDB environment.

The keys of a batch of events, the frequency records they touch and the log position they reach go in with one
transaction, so a kill at any instant leaves memory at a position of the log, and replaying from there is exact. Between
the append to the log and that transaction the facts are *held* in the process.

The bids behind the events are held against frequency caps where the bidders look, too (`trackers.in_flight`): an
impression lets go of its hold once it is counted, a loss at once.

What an event does to records is told in `trackers.effects`: counters, conversions, and which audiences by rules the
person belongs to now. When a rule is to be decided again without an event is noted in the table ``due``.
"""

from __future__ import annotations  # lmdb's types are generic for the type checker only

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import lmdb
from msgspec.structs import replace

from domain.blanking import PERSONAL
from domain.events import Conversion, Notice, Visit, decode
from targeting.due import ALL, Due
from targeting.holds import Holds
from targeting.merge import joined
from targeting.people import Profiles
from targeting.profiles import ProfileStore
from targeting.record import OPT_OUT, is_member
from targeting.record_editor import Editor
from targeting.redis_holds import RedisHolds
from targeting.unpacked import Unreadable, unpack
from trackers.audience_rules import AudienceRule, RuleBook
from trackers.counting import Fact, click_key, facts, is_shown
from trackers.effects import Effect, effects
from trackers.in_flight import InFleet, InFlight, OnThisHost
from trackers.rule_revision import Revision, RuleTable, told

E = TypeVar("E", Notice, Conversion, Visit, Notice | Conversion | Visit)
NO_RULES = RuleBook()
MOST_DUE = 1000
"""Memberships looked at again in one transaction."""


class Memory:
    """One tracker's memory; ``log`` names its log and with it the checkpoint (``money/0``). ``holds`` None: no bids are
    held. ``book`` gives the rules of audiences as they are now.

    Of a fleet the records are in ``people``. They are changed before the transaction is written, so that a kill in
    between counts impressions of the last batch twice: caps then hold too early, never too late.
    """

    def __init__(
        self,
        profiles: ProfileStore,
        log: str,
        people: Profiles | None = None,
        holds: Holds | RedisHolds | None = None,
        book: Callable[[], RuleBook] = lambda: NO_RULES,
    ) -> None:
        self._profiles, self._log, self._people = profiles, log.encode(), people
        self._bids: InFlight | None = None
        if holds is not None:
            self._bids = OnThisHost(holds) if isinstance(holds, Holds) else InFleet(holds)
        self._book, self._whole, self._rules = book, Editor(), RuleTable(profiles.env)
        self._followed: RuleBook | None = None
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

    def unnamed(self, event: E) -> E:
        """The event as it is to be kept: without the person if they were forgotten, or opted out (which is asked of
        records on this host only), and without their device and household then.
        """
        return self._unnamed([event])[0]

    def _unnamed(self, events: Sequence[E]) -> list[E]:
        self._profiles.forgotten.refresh()
        persons = [event.person for event in events]
        records = self._profiles.get_many(persons) if self._people is None else [None] * len(persons)
        return [
            replace(event, **{name: 0 for name in PERSONAL if hasattr(event, name)})
            if event.person and (event.person in self._profiles.forgotten or is_member(record or b"", OPT_OUT))
            else event
            for event, record in zip(events, records, strict=True)
        ]

    def see(self, event: Notice | Conversion | Visit) -> None:
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

    def apply(self, events: Sequence[Notice | Conversion | Visit], position: int) -> None:
        """Makes the memory contain the log up to ``position``. Waits for other writers of the store: for a thread.
        Raises `targeting.redis_address.Away` if people are in Redis, and it does not answer.
        """
        book, kept = self._book(), self._unnamed(events)
        told = [(event, effect) for event in kept for effect in effects(event, book)]
        changes = [effect for _, effect in told]
        if self._people is not None:
            for event, effect in told:
                if is_shown(event) and effect.person == event.person:
                    effect.person = self._people.identity.shown_to(event.person, event.device)
            self._change(self._people, changes)
        with self._profiles.write() as txn:
            for event in kept:
                for fact in facts(event):
                    txn.put(fact.key, fact.value, db=self._tables[fact.table])
            for event, effect in told:
                if self._people is None and is_shown(event) and effect.person == event.person:
                    effect.person = self._profiles.identity.key_of_device(txn, event.person, event.device)
            self._note(txn, changes)
            txn.put(self._log, position.to_bytes(8, "big"), db=self._checkpoints)
        if self._bids is not None:
            self._bids.applied(events)  # only now: what is let go of must be counted for all who look

    def look_again(self, now_s: int) -> int:
        """Decides anew whose memberships are over or begin again by now (unix seconds), without an event; returns how
        many were due: who is told `MOST_DUE` asks again. For a thread; raises as `apply`.
        """
        due = self._profiles.due.until(now_s, MOST_DUE)
        if not due:
            return 0
        book = self._book()
        changes = [
            Effect(one.person, now_s, rules=rules, again=True)
            for one in due
            if (rules := self._of_all(book, one.person) if one.audience == ALL else book.of(one.audience))
        ]
        self.write(changes, due)
        return len(due)

    def write(self, effects: Iterable[Effect], due: Sequence[Due] = ()) -> None:
        """Changes records without an event. For a thread; raises as `apply`. ``due``: what was due, and is done."""
        changes = list(effects)
        if self._people is not None:
            self._change(self._people, changes)
        with self._profiles.write() as txn:
            self._profiles.due.remove(txn, due)
            self._note(txn, changes)

    def counted_under(self, events: Sequence[Notice | Conversion | Visit]) -> list[int]:
        """Under which key of its person `apply` counts each event; 0: under none. For a thread; raises as `apply`."""
        kept, store = self._unnamed(events), self._people or self._profiles
        shown = list({(event.person, event.device) for event in kept if is_shown(event) and event.device})
        records = store.get_many([person for person, _ in shown])
        several = [asked for asked, record in zip(shown, records, strict=True) if joined(record)]
        keys = {asked: store.identity.shown_to(*asked) for asked in several}
        return [
            keys.get((event.person, event.device), event.person) if is_shown(event) else event.person for event in kept
        ]

    def mend(self) -> bool:
        """Uses idle time for the store; says whether there was anything to do. For a thread."""
        return self._profiles.mend()

    def members(self, audience: int) -> list[int]:
        """Persons who are listed as members of an audience. For a thread."""
        return (self._people or self._profiles).members(audience)

    def revision(self, directory: Path, now_s: int) -> Revision | None:
        """What is to be done for memberships to follow the rules as they are now; None: they do."""
        book = self._book()
        if book is self._followed:
            return None
        known, now = self._rules.known(), told(book)
        if known == now:
            self._followed = book
            return None
        left = {key: value for key, value in known.items() if now.get(key) == value}
        if left != known:  # at once: they may come again before this revision ends
            with self._profiles.write() as txn:
                self._rules.put(txn, left)
        return Revision(book, left, directory, now_s)

    def follow(self) -> None:
        """Memberships will be made by the rules as they are now, all of them."""
        self.adopt(self._book())

    def adopt(self, book: RuleBook) -> None:
        """From here on memberships follow these rules."""
        with self._profiles.write() as txn:
            self._rules.adopt(txn, book)
        self._followed = book

    def _of_all(self, book: RuleBook, person: int) -> list[AudienceRule]:
        """All rules that anything known of the person could decide, and those of the audiences they are in."""
        try:
            record = unpack((self._people or self._profiles).get_many([person])[0] or b"")
        except Unreadable:
            return []
        rules = book.about([*record.shown, *record.conversions])
        return list(dict.fromkeys([*rules, *(rule for audience in record.segments for rule in book.of(audience))]))

    def _change(self, people: Profiles, changes: Sequence[Effect]) -> None:
        """The records in Redis, and then the lists of members beside them. Both are made again if this is broken off,
        since the log's position is written after them.
        """
        people.change((effect.person, effect.edit) for effect in changes)
        deciding = [effect for effect in changes if effect.decides]
        others: list[tuple[int, Effect]] = []
        for effect, record in zip(deciding, people.get_many([e.person for e in deciding]), strict=True):
            if joined(record):
                self._whole.load(record)
                effect.decide(self._whole)
                of_all = people.identity.keys(effect.person)
                keys = [key for key in of_all if key != effect.person]
                people.change([(effect.person, effect.follow), *((key, effect.leave) for key in keys)])
                others += [(key, effect) for key in keys]
        last = {(audience, e.person): v.until_s > 0 for e in deciding for audience, v in e.verdicts.items()}
        last |= {(audience, key): False for key, effect in others for audience in effect.verdicts}
        for audience in {audience for audience, _ in last}:
            people.list_members(audience, {key: member for (one, key), member in last.items() if one == audience})

    def _note(self, txn: lmdb.Transaction[bytes], changes: Sequence[Effect]) -> None:
        """The records, unless they are in Redis, with the members of audiences; and what is due."""
        of_several: set[int] = set()
        if self._people is None:
            of_several = self._profiles.edit_all(txn, [(effect.person, effect.edit) for effect in changes])
        for effect in changes:
            if self._people is None:
                # As they came: each is decided on what all before it left.
                if effect.person in of_several and self._profiles.edit(txn, effect.person, effect) and effect.decides:
                    self._decide_whole(txn, effect)
                for audience, verdict in effect.verdicts.items():
                    self._profiles.list_member(txn, audience, effect.person, verdict.until_s > 0)
            for at_s, audience in effect.due:
                self._profiles.due.add(txn, at_s, effect.person, audience)

    def _decide_whole(self, txn: lmdb.Transaction[bytes], effect: Effect) -> None:
        """Decides on what is known of a person under all keys, and makes memberships those of the event's key alone."""
        person = self._profiles.identity.person(effect.person)
        self._whole.load(txn.get(person.to_bytes(8, "big"), db=self._profiles.profiles))
        effect.decide(self._whole)
        for key in self._profiles.identity.keys(effect.person):
            own = key == effect.person
            self._profiles.edit(txn, key, effect.follow if own else effect.leave)
            for audience in () if own else effect.verdicts:
                self._profiles.list_member(txn, audience, key, False)
