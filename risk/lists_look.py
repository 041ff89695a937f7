"""Lists as people ask for them: by written ids, and whole, as a file that can be imported again."""

import csv
import io
from collections.abc import Iterable, Iterator

from risk.list_files import LISTS, Terms
from risk.list_state import ShelfId, as_range
from risk.lists import Hit, Lists
from targeting.identity_keys import parse_person, written_key

STEP = 65_536
"""Rows of a base that are read at a time."""


def kept(id_: str) -> str:
    """A written id as lists keep it. Raises ValueError."""
    range_ = as_range(id_)
    return f"ip:{range_.text}" if range_ is not None else written_key(parse_person(id_))


def look_up(lists: Lists, id_: str, institution: int, now_s: int) -> list[Hit]:
    """The entries that hold of one written id; of an address, those of ranges too. Raises ValueError."""
    key = parse_person(id_)
    if id_.startswith("ip:"):
        return lists.look((), id_[3:], institution, now_s)
    return lists.look((key,), None, institution, now_s)


def entries_of(lists: Lists, keys: Iterable[int]) -> int:
    """How many entries some keys have, on whosever lists, whether they hold still or not."""
    shelves = [(name, institution) for institution in {0, *lists.institution_names()} for name in LISTS]
    return sum(lists.entry(shelf, key) is not None for key in keys for shelf in shelves)


def export_lines(lists: Lists, shelf: ShelfId, now_s: int) -> Iterator[str]:
    """The entries of one list that hold, a line each: ranges, then ids by their keys. The ids that the keys were made of
    are not known.
    """
    for range_, terms in lists.ranges_of(shelf).items():
        if terms.live(now_s):
            yield f"ip:{range_.text},{_written(terms)}"
    changed = lists.changed()
    written: dict[Terms, str] = {}
    base = next((one for one in lists.opened() if one.id == shelf), None)
    if base is not None:
        keys, table = base.table.keys(), base.table
        for begun in range(0, len(table), STEP):
            for row, key in enumerate(keys[begun : begun + STEP].tolist(), begun):
                if key in changed and shelf in changed[key]:
                    continue
                terms = base.at(row)
                if terms.live(now_s):
                    if (text := written.get(terms)) is None:
                        text = written[terms] = _written(terms)
                    yield f"key:{key:016x},{text}"
    for key, entries in sorted(changed.items()):
        edited = entries.get(shelf)
        if edited is not None and edited.live(now_s):
            yield f"{written_key(key)},{_written(edited)}"


def _written(terms: Terms) -> str:
    """Behind an id, with the end of the line."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([terms.reason, terms.source, terms.expires_s or "never"])
    return line.getvalue()
