"""Rules that are new, or have changed: whom they concern is found in the log, and decided anew.

A rule that was just published finds the events of the past, too: its histories are filled from the log, as far back as
it asks and the log goes, and everybody in it, and every member so far, is decided. This goes on in steps between the
batches of events, so that these wait for a moment only; from the first step on, events count for the new rules, too.

When a person is written, all events up to the memory's position have been read, and the record holds some of them:
those that came since. So the larger number of each second is right, and doing it again after a kill changes nothing.
"""

from __future__ import annotations  # lmdb's types are generic for the type checker only

import logging
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import lmdb
import msgspec

from domain.clock import SECOND
from domain.events import NOT_COUNTED, Conversion, Notice, Visit, decode
from domain.person import conversion_kind
from eventlog.reader import LogCorrupt, LogReader
from eventlog.segments import place_of, position_of, segments
from targeting.record import EXACT_IMPRESSIONS
from targeting.record_editor import Editor
from trackers.audience_rules import AudienceRule, Event, RuleBook, Wanted, history_of
from trackers.effects import Effect

if TYPE_CHECKING:
    from trackers.memory import Memory

READ, WRITTEN = 20_000, 500
"""Records read, and persons written, in one step."""
_UNCOUNTED = int(NOT_COUNTED)
log = logging.getLogger(__name__)


class RuleTable:
    """The table ``rules`` of the environment: which rules memberships follow, and which histories there are."""

    def __init__(self, env: lmdb.Environment) -> None:
        self._env = env
        self._table = env.open_db(b"rules")

    def known(self) -> dict[bytes, bytes]:
        with self._env.begin(db=self._table) as txn, txn.cursor() as cursor:
            return dict(cursor)

    def adopt(self, txn: lmdb.Transaction[bytes], book: RuleBook) -> None:
        """From here on memberships follow these rules."""
        self.put(txn, told(book))

    def put(self, txn: lmdb.Transaction[bytes], known: dict[bytes, bytes]) -> None:
        """From here on these are `known`."""
        txn.drop(self._table, delete=False)
        for key, value in known.items():
            txn.put(key, value, db=self._table)


def told(book: RuleBook) -> dict[bytes, bytes]:
    """Rules, by ``r`` and their audience, with what they say; and histories, by ``h`` and their scope."""
    found = {
        b"r%d" % rule.audience: blake2b(msgspec.json.encode((rule.advertiser, rule.rule)), digest_size=16).digest()
        for rule in book.rules.values()
    }
    return found | {b"h%d" % scope: b"" for rule in book.rules.values() for scope in _scopes(rule)}


def _scopes(rule: AudienceRule) -> Iterator[int]:
    return (history_of(rule.advertiser, one) for one in rule.conditions if one.within_s)


@dataclass
class Past:
    """What the log says of one person."""

    rules: dict[AudienceRule, None] = field(default_factory=dict)
    times: dict[int, deque[int]] = field(default_factory=dict)
    """By history: unix seconds of the newest events."""
    conversions: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By kind: the last one's second, and how many."""

    def __call__(self, editor: Editor) -> None:
        for scope, times in self.times.items():
            for at_s in sorted((Counter(times) - Counter(editor.times_of(scope))).elements()):
                editor.show(at_s, (scope,))
        for kind, (last_s, count) in self.conversions.items():
            editor.convert_at_least(kind, last_s, count)


class Revision:
    """One change of the rules, from ``known`` (of `RuleTable`) to ``book``, followed step by step: in a thread."""

    def __init__(self, book: RuleBook, known: dict[bytes, bytes], directory: Path, now_s: int) -> None:
        now = told(book)
        self.book = book
        rules = book.rules.values()
        self._rules = {r for r in rules if known.get(b"r%d" % r.audience) != now[b"r%d" % r.audience]}
        self._histories = {scope for rule in rules for scope in _scopes(rule) if b"h%d" % scope not in known}
        asking = [rule for rule in rules if rule in self._rules or self._histories & {*_scopes(rule)}]
        self._since_s = min((_since(rule, now_s) for rule in asking), default=now_s)
        self._reader = LogReader(directory, _start(directory, self._since_s * SECOND) if asking else 0)
        self._found: dict[int, Past] = {}
        self._caught_up = False

    def step(self, memory: Memory, now_s: int) -> bool:
        """Reads on, or writes some of whom it found; True: that was all, and the rules are adopted."""
        if self._rules or self._histories:
            end = memory.position()
            records, position = self._next(end)
            asking = [(event, wanted) for event in _events(records) if (wanted := self._wanted(event))]
            keys = memory.counted_under([event for event, _ in asking])
            for key, (event, wanted) in zip(keys, asking, strict=True):
                if key and (not self._caught_up or key in self._found):
                    self._read(key, event, wanted)
            if position < end and records:
                return False
            if not self._caught_up:
                self._caught_up = True
                for rule in self._rules:  # a list that became a rule has members, too
                    for person in memory.members(rule.audience):
                        self._found.setdefault(person, Past()).rules[rule] = None
            some = list(islice(self._found.items(), WRITTEN))
            memory.write(Effect(person, now_s, past, rules=past.rules) for person, past in some)
            for person, _ in some:
                del self._found[person]
            if self._found:
                return False
        memory.adopt(self.book)
        if self._rules:
            log.info("%d rules of audiences are new or have changed, and are followed", len(self._rules))
        return True

    def _next(self, end: int) -> tuple[list[bytes], int]:
        """The next records; nothing of what comes behind a damaged one in its segment."""
        while True:
            try:
                return self._reader.read(READ, end)
            except LogCorrupt:
                log.exception("new rules of audiences do not find all of the past")
                self._reader.position = position_of(place_of(self._reader.position)[0] + 1)

    def _wanted(self, event: Event) -> list[Wanted]:
        if not event.person or event.marks & _UNCOUNTED or event.received_ns < self._since_s * SECOND:
            return []
        return self.book.wanted(event)

    def _read(self, key: int, event: Event, wanted: list[Wanted]) -> None:
        """An event that counts under a key, and the histories that it belongs into."""
        at_s = event.received_ns // SECOND
        past = self._found.get(key, Past())
        for one in wanted:
            if one.scope in self._histories:
                past.times.setdefault(one.scope, deque(maxlen=EXACT_IMPRESSIONS)).append(at_s)
            elif self._rules.isdisjoint(one.rules):
                continue
            past.rules.update(dict.fromkeys(one.rules))
        if isinstance(event, Conversion) and any(not w.scope and not self._rules.isdisjoint(w.rules) for w in wanted):
            kind = conversion_kind(event.advertiser, event.event)  # once, however many conditions name it
            past.conversions[kind] = at_s, past.conversions.get(kind, (0, 0))[1] + 1
        if past.rules:
            self._found[key] = past


def _events(records: list[bytes]) -> Iterator[Event]:
    """What of a stretch of the log can be an event of a person; of another version's records nothing is known."""
    for record in records:
        try:
            event = decode(record)
        except msgspec.DecodeError:
            continue
        if isinstance(event, Notice | Conversion | Visit):
            yield event


def _since(rule: AudienceRule, now_s: int) -> int:
    """How far back a rule looks; 0: to the beginning."""
    return 0 if any(not one.within_s for one in rule.conditions) else now_s - max(c.within_s for c in rule.conditions)


def _start(directory: Path, since_ns: int) -> int:
    """A position before the first event that is not older: the beginning of a segment."""
    for segment in reversed(segments(directory)):
        try:
            records, _ = LogReader(directory, position_of(segment)).read(1)
        except LogCorrupt:
            continue  # an older one will do, too
        first = next(_events(records), None)
        if first is not None and first.received_ns < since_ns:
            return position_of(segment)
    return 0
