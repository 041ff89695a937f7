"""Keys and what they stand for while a file is read: found again, made anew, used twice, or meant but not there."""

from collections.abc import Callable, Collection
from difflib import get_close_matches
from typing import Any

from campaigns import values
from campaigns.catalogue import Catalogue
from domain.campaign import Advertiser
from domain.entry import Entry, Wrong

NewId = Callable[[str], int]
"""Gives an id of a kind of thing that was never given before."""


class References:
    """``new`` begins as ``known`` and takes what is read. Things are kept by kind and key, as in `Catalogue`."""

    def __init__(self, known: Catalogue, new_id: NewId) -> None:
        self.known, self.new, self.new_id = known, known.copy(), new_id
        self._seen: set[tuple[str, str]] = set()
        self._broken: set[tuple[str, str]] = set()

    def identify(self, kind: str, e: Entry) -> tuple[str, int]:
        """Key and id of an entry. Without a key of its own it gets none, and is not kept."""
        key = e.take("key", values.key)
        if not e.sound and key is None:
            return "", 0
        if (kind, key) in self._seen:
            e.wrong("key", key, f"it must be the key of one of the {kind} only, and is in the file already")
        self._seen.add((kind, key))
        before = getattr(self.known, kind).get(key)
        return key, before.id if before else self.new_id(kind)

    def keep(self, kind: str, e: Entry, key: str, thing: Any, *fixed: str) -> None:
        """Takes a thing, if it is sound and does not change a field that is ``fixed`` once it exists."""
        before = getattr(self.known, kind).get(key)
        if before is not None and thing is not None and e.sound:
            for name in fixed:
                if getattr(before, name) != getattr(thing, name):
                    found = e.values.get(name, key)
                    e.wrong(name, found, f"{key!r} exists with another {name}, which cannot change; use another key")
        if e.sound and thing is not None:
            getattr(self.new, kind)[key] = thing
        else:
            self._broken.add((kind, key))

    def thing(self, kind: str, called: str) -> Callable[[Any], Any]:
        """Check of a reference: the thing itself, or None if it is in the file but was wrong itself."""

        def check(value: Any) -> Any:
            things = getattr(self.new, kind)
            if not isinstance(value, str) or (value not in things and (kind, value) not in self._broken):
                raise Wrong(f"it must be the key of {called}; {_choice(things, value)}")
            return None if (kind, value) in self._broken else things[value]

        return check

    def id_of(self, kind: str, called: str) -> Callable[[Any], int]:
        """Check of a reference: the id, or 0 as `thing` has None."""
        find = self.thing(kind, called)

        def check(value: Any) -> int:
            found = find(value)
            return int(found.id) if found else 0

        return check

    def own(self, kind: str, called: str, owner: Advertiser | None) -> Callable[[Any], int]:
        """As `id_of`, among the things of one advertiser."""
        find = self.thing(kind, called)

        def check(value: Any) -> int:
            found = find(value)
            if found and owner and found.advertiser != owner.id:
                own = [key for key, other in getattr(self.new, kind).items() if other.advertiser == owner.id]
                raise Wrong(f"it must be the key of {called} of {owner.key!r}; {_choice(own, value)}")
            return int(found.id) if found else 0

        return check

    def advertiser(self, e: Entry) -> Advertiser | None:
        """The advertiser that an entry names; None if it is unknown or broken itself."""
        found: Advertiser | None = e.take("advertiser", self.thing("advertisers", "an advertiser"))
        return found


def _choice(keys: Collection[str], value: object) -> str:
    if not keys:
        return "there is none"
    if len(keys) > 12 and isinstance(value, str):
        near = get_close_matches(value, keys, n=3)
        return f"near it are {', '.join(near)}" if near else f"there are {len(keys)}"
    return f"there are {', '.join(sorted(keys))}" if len(keys) > 1 else f"there is {next(iter(keys))}"
