"""Writes one change after the other: worked out on what is in memory, written if that is still what is stored."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection

from api.keys import Key
from api.problem import Failure
from campaigns import catalogue, history
from campaigns.api import answers, views
from campaigns.api.answers import Answer, Once
from campaigns.api.draft import Draft
from campaigns.api.shelf import Shelf, State
from campaigns.catalogue import Catalogue
from campaigns.history import Change
from campaigns.importing import fresh_ids
from campaigns.store import Store, touch
from campaigns.writing import Writing
from domain.clock import Clock, utc

TRIES = 20
MONEY = "money"

Finish = Callable[[State], Answer]
"""Makes the answer of what is the state once all is written."""
Work = Callable[[Draft], Finish]


def caller(key: Key) -> str:
    """Whose change it is, in the history."""
    return f"key {key.record.id}"


class Clerk:
    """``store`` is written in one thread of its own; other processes' imports come between its transactions."""

    def __init__(self, store: Store, shelf: Shelf, clock: Clock) -> None:
        self._store, self._shelf, self._clock = store, shelf, clock
        self._desk = ThreadPoolExecutor(1, "clerk")
        self._new_id = fresh_ids(store)

    def close(self) -> None:
        self._desk.shutdown()

    async def change(self, key: Key, work: Work, once: Once | None = None, *, only_check: bool = False) -> Answer:
        """Does what ``work`` does to a draft, and answers with what it makes of it. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._desk, self._change, key, work, once, only_check)

    async def book(self, work: Callable[[Connection, State, int], Answer], once: Once | None = None) -> Answer:
        """Does what does not change the catalogue, in one transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._desk, self._book, work, once)

    def _book(self, work: Callable[[Connection, State, int], Answer], once: Once | None) -> Answer:
        state, now = self._shelf.current(), self._clock.now_ns()
        with self._store.write() as conn:
            if once is not None and (known := answers.before(conn, once, now)) is not None:
                return known
            made = work(conn, state, now)
            if once is not None:
                answers.keep(conn, once, made, now)
            return made

    def _change(self, key: Key, work: Work, once: Once | None, only_check: bool) -> Answer:
        for _ in range(TRIES):
            now = self._clock.now_ns()
            if once is not None and not only_check:
                with self._store.read() as conn:
                    if (known := answers.before(conn, once, now)) is not None:
                        return known
            state = self._shelf.current()
            today = utc(now).date().isoformat()
            tenant = state.tenant_id(key.institution)
            new_id = _never_used() if only_check else self._new_id
            draft = Draft(state, tenant, new_id, today, now, money=key.may(MONEY))
            finish = work(draft)
            if only_check:
                return finish(draft.outcome(state.version, draft.marks()))
            made = self._write(draft, finish, caller(key), once)
            if made is not None:
                return made
        raise Failure(503, "others change what is defined all the time", headers={"Retry-After": "1"})

    def _write(self, draft: Draft, finish: Finish, by: str, once: Once | None) -> Answer | None:
        """None: somebody has changed the catalogue since the draft was begun."""
        if not draft.actions and once is None:
            return finish(draft.outcome(draft.state.version, {}))
        known, new = Catalogue(), Catalogue()
        forms = _Forms(draft)
        with self._store.write() as conn:
            if catalogue.version(conn) != draft.state.version:
                return None
            changes = []
            for kind, key, before, after in draft.changes():
                if before is not None:
                    getattr(known, kind)[key] = before
                    after = history.refreshed(conn, kind, after)
                    getattr(draft.whole, kind)[key] = after
                    if key in getattr(draft.live, kind):
                        getattr(draft.live, kind)[key] = after
                getattr(new, kind)[key] = after
                changes.append(forms.change(kind, key, before, after))
            catalogue.save(conn, known, new)
            marks = history.record(conn, changes, by, draft.now_ns)
            version = touch(conn) if changes else draft.state.version
            state = draft.outcome(version, marks)
            made = finish(state)
            if once is not None:
                answers.keep(conn, once, made, draft.now_ns)
        self._shelf.put(state)
        return made


class _Forms:
    """Things as the history has them, before and after a draft's changes."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._writings: dict[tuple[bool, int], Writing] = {}

    def change(self, kind: str, key: str, before: object, after: object) -> Change:
        draft = self._draft
        owner = draft.owner(kind, after)
        was = self._writing(False, owner).resource(kind, key) if before is not None else None
        now = self._writing(True, owner).resource(kind, key)
        return Change(kind, getattr(after, "id"), draft.actions[kind, key], was, now)  # noqa: B009

    def _writing(self, after: bool, owner: int) -> Writing:
        if (after, owner) not in self._writings:
            whole = self._draft.whole if after else self._draft.state.whole
            part = views.of_advertiser(whole, owner, alone=False) if owner else whole
            self._writings[after, owner] = Writing(part)
        return self._writings[after, owner]


def _never_used() -> Callable[[str], int]:
    last = 1 << 31

    def new_id(kind: str) -> int:
        nonlocal last
        last += 1
        return last

    return new_id
