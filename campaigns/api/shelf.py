"""What is defined, held in memory by its version: nothing is read again until somebody has changed it."""

import threading
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from api.problem import Failure
from campaigns import catalogue, history
from campaigns.api import views
from campaigns.api.kinds import Seen
from campaigns.catalogue import Catalogue
from campaigns.history import NO_MARK, Mark, Marks
from campaigns.store import Store
from campaigns.writing import Writing


def deleted_of(marks: Marks) -> dict[str, set[int]]:
    """Ids by kind of what is deleted."""
    gone: dict[str, set[int]] = {}
    for (kind, id_), mark in marks.items():
        if mark.deleted_ns:
            gone.setdefault(kind, set()).add(id_)
    return gone


class Part:
    """What one caller sees of a state, what is deleted too."""

    def __init__(self, known: Catalogue, marks: Marks) -> None:
        self.known, self._marks = known, marks
        self._gone: dict[str, set[int]] | None = None
        self.writing = Writing(known)
        self.seen = Seen(known, marks, NO_MARK)

    def things(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = getattr(self.known, kind)
        return found

    def deleted(self, kind: str) -> set[int]:
        """Ids of what is deleted."""
        if self._gone is None:
            self._gone = deleted_of(self._marks)
        return self._gone.get(kind, set())

    def mark(self, kind: str, thing: Any) -> Mark:
        return self._marks.get((kind, thing.id), NO_MARK)


class State:
    """One version of the catalogue. ``whole`` has what is deleted, ``live`` has not. Never changed."""

    def __init__(self, whole: Catalogue, marks: Marks, live: Catalogue | None = None) -> None:
        self.whole, self.marks = whole, marks
        self.live = history.without(whole, deleted_of(marks)) if live is None else live
        self._parts: dict[int, Part] = {}
        self._near: dict[tuple[int, bool], Part] = {}

    @property
    def version(self) -> int:
        return self.whole.version

    def part(self, tenant: str) -> Part:
        """What the key of an advertiser (``tenant``: its key), or of the house (empty), sees."""
        id_ = self.tenant_id(tenant)
        found = self._parts.get(id_)
        if found is None:
            known = views.of_advertiser(self.whole, id_, alone=True) if id_ else self.whole
            found = self._parts[id_] = Part(known, self.marks)
        return found

    def near(self, kind: str, thing: Any, tenant: str) -> Part:
        """As much as is needed to show one thing."""
        owner = views.owner_of(self.whole, kind, thing, self._campaign_owners)
        at = owner, bool(tenant)
        if at not in self._near:
            known = (
                views.of_advertiser(self.whole, owner, alone=bool(tenant))
                if owner
                else views.of_house(self.whole, campaigns=True)
            )
            self._near[at] = Part(known, self.marks)
        return self._near[at]

    @cached_property
    def _campaign_owners(self) -> dict[int, int]:
        return views.owners(self.whole)

    def tenant_id(self, tenant: str) -> int:
        """The id of the advertiser that a key is bound to; 0: it is the house's. Raises Failure (403): there is no such
        advertiser any more."""
        if not tenant:
            return 0
        owner = self.live.advertisers.get(tenant)
        if owner is None:
            raise Failure(403, f"this key is bound to the advertiser {tenant!r}, and there is none")
        return owner.id


class Shelf:
    """The newest state of a store. For several threads."""

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, threading.Lock()
        self._state: State | None = None

    def current(self) -> State:
        with self._lock, self._store.read() as conn:
            state = self._state
            if state is None or catalogue.version(conn) != state.version:
                state = self._state = _load(conn)
            return state

    def put(self, state: State) -> None:
        """What was just written, so that it need not be read."""
        with self._lock:
            if self._state is None or self._state.version < state.version:
                self._state = state


def _load(conn: Connection) -> State:
    return State(catalogue.load(conn), history.marks(conn))
