"""A list of persons into an audience: added to it, in its place, or taken out of it, in steps that can be broken off.

Reading comes first: every line of the file is looked at before anything is written, and a file with more bad lines than
are allowed changes nothing. Then the members are written in the order of their keys, some thousands in a transaction,
with the key that was reached: an import that was killed and is run again goes on from there, and comes to the same
members and counts as if it had not been.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from msgspec import Struct, msgpack
from msgspec.structs import replace

from domain.errors import Problem, Refused
from targeting.audience_files import MAX_PROBLEMS, IdFile
from targeting.audience_lists import Done, Lists
from targeting.audience_spool import PARTS, Spool, part_of
from targeting.record import NEVER

Mode = Literal["replace", "add", "remove"]
STEP = 4_000
"""Members changed in a transaction: a tracker waits no longer than that (some 20 ms) for its turn."""


class Tally(Struct, frozen=True):
    """Counts of one import."""

    rows: int = 0
    """With an id, or that should have one; remarks and empty lines are none."""
    bad: int = 0
    blank: int = 0
    """Rows without any id."""
    persons: dict[str, int] = {}
    """Different ones, by the kind of id."""
    met: dict[str, int] = {}
    """Of these: of whom more is known than that they are on lists."""
    added: int = 0
    removed: int = 0

    @property
    def size(self) -> int:
        """How many persons the file names."""
        return sum(self.persons.values())

    @property
    def match_rate(self) -> float:
        """Share of them who are known from traffic, pages or profiles."""
        return sum(self.met.values()) / max(1, self.size)


class Running(Struct, frozen=True):
    """An import that has begun to write: where it is."""

    stamp: str
    source: str
    expires_s: int
    after: int
    """Key of the last person who is done; -1: none."""
    tally: Tally


class Note(Struct, frozen=True):
    """What is known of an audience's list: the last import into it, and the one on its way."""

    source: str = ""
    mode: str = ""
    at_s: int = 0
    """When it was completed; 0: never."""
    expires_s: int = NEVER
    """When the memberships end that it made."""
    tally: Tally = Tally()
    running: Running | None = None


class Order(NamedTuple):
    """What is to be done: ``stamp`` is the same for the same file, read in the same way to the same end."""

    audience: int
    mode: Mode
    ttl_s: int
    """How long memberships last; 0: for ever."""
    source: str
    stamp: str


Progress = Callable[[float, int, float], None]
"""Called now and then with the share of the file that was read, the rows read, and the share that was written."""


def note_of(lists: Lists, audience: int) -> Note:
    found = lists.note(audience)
    return msgpack.decode(found, type=Note) if found else Note()


def order(audience: int, mode: Mode, ttl_s: int, file: IdFile) -> Order:
    """An order to import a file as it is now. Raises `Refused` if it cannot be read."""
    try:
        is_now = file.path.stat()
    except OSError as error:
        raise Refused([Problem(str(file.path), error.strerror, "it must be a file that can be read")]) from None
    told = (str(file.path.resolve()), is_now.st_size, is_now.st_mtime_ns, file.columns, mode, ttl_s)
    return Order(audience, mode, ttl_s, str(file.path), hashlib.sha256(repr(told).encode()).hexdigest()[:32])


def read(file: IdFile, spool: Spool, most_bad: int = 0, progress: Progress = lambda read, rows, written: None) -> Tally:
    """Reads a whole file into a spool. Raises `Refused` with the first hundred bad lines if there are more than
    ``most_bad``.
    """
    rows = bad = blank = 0
    problems: list[Problem] = []
    for batch in file.batches():
        rows, bad, blank = rows + batch.rows, bad + batch.bad, blank + batch.blank
        problems += batch.problems
        if bad > most_bad and len(problems) >= MAX_PROBLEMS:
            break
        for kind, persons in batch.keys.items():
            spool.add(kind, persons)
        progress(batch.share, rows, 0.0)
    if bad > most_bad:
        raise Refused(problems)
    return Tally(rows, bad, blank)


def write(
    lists: Lists,
    order: Order,
    spool: Spool,
    tally: Tally,
    now_s: int,
    progress: Progress = lambda read, rows, written: None,
) -> Tally:
    """Carries out an order, or the rest of it."""
    note = note_of(lists, order.audience)
    at = note.running
    if at is None or at.stamp != order.stamp:
        expires_s = min(now_s + order.ttl_s, NEVER) if order.ttl_s else NEVER
        at = Running(order.stamp, order.source, expires_s, -1, tally)
    for step in _steps(lists, order, spool, at.after):
        at = _take(lists, order.audience, note, at, step)
        progress(1.0, tally.rows, (part_of(step.last) + 1) / PARTS)
    done = Note(order.source, order.mode, now_s, at.expires_s, at.tally)
    lists.put_note(order.audience, msgpack.encode(done))
    return at.tally


class _Step(NamedTuple):
    """Some persons in the order of their keys, ``last`` the last of them."""

    named: dict[int, str]
    """Those of the file, with the kind of id they came by."""
    joining: list[int]
    leaving: list[int]
    last: int


def _steps(lists: Lists, order: Order, spool: Spool, after: int) -> Iterator[_Step]:
    """What is to be done behind ``after``: of a short list several parts in a step, of a long one pieces of a part."""
    named: dict[int, str] = {}
    leaving: set[int] = set()
    for part in range(part_of(max(after, 0)), PARTS):
        of_part = spool.part(part)
        named |= of_part
        if order.mode == "remove":
            leaving.update(of_part)
        elif order.mode == "replace":
            leaving.update(set(lists.part(order.audience, part)).difference(of_part))
        persons = sorted(person for person in leaving.union(named) if person > after)
        while len(persons) >= STEP or (persons and part == PARTS - 1):
            some, persons = persons[:STEP], persons[STEP:]
            yield _Step(
                {person: named[person] for person in some if person in named},
                [person for person in some if person not in leaving],
                [person for person in some if person in leaving],
                some[-1],
            )
            after = some[-1]
        named = {person: named[person] for person in persons if person in named}
        leaving.intersection_update(persons)


def _take(lists: Lists, audience: int, note: Note, at: Running, step: _Step) -> Running:
    """Takes a step; returns where the import is behind it."""
    reached = at

    def noting(done: Done) -> bytes:
        nonlocal reached
        persons, met = Counter(at.tally.persons), Counter(at.tally.met)
        persons.update(step.named.values())
        met.update(kind for person, kind in step.named.items() if person in done.met)
        added, removed = at.tally.added + done.added, at.tally.removed + done.removed
        tally = replace(at.tally, persons=dict(persons), met=dict(met), added=added, removed=removed)
        reached = replace(at, after=step.last, tally=tally)
        return msgpack.encode(replace(note, running=reached))

    lists.step(audience, step.joining, step.leaving, at.expires_s, noting)
    return reached


def import_list(
    lists: Lists, file: IdFile, audience: int, *, mode: Mode = "replace", ttl_s: int = 0, now_s: int
) -> Tally:
    """A whole file into an audience. Raises `Refused`; then the audience is as before."""
    with Spool() as spool:
        return write(lists, order(audience, mode, ttl_s, file), spool, read(file, spool), now_s)
