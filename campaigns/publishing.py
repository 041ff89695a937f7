"""Which snapshot is current: compiled again whenever campaigns change, or the day makes it come out otherwise."""

import logging

import msgspec
from sqlalchemy import select, update

from campaigns import approvals, catalogue, fee_terms, history
from campaigns.catalogue import Catalogue
from campaigns.snapshot import compile_snapshot, stale
from campaigns.store import Store, touch
from campaigns.tables import line_items, revision
from domain.campaign import Snapshot
from domain.clock import Clock
from domain.garbage import uncollected

KEPT = 4
"""Versions that can still be fetched by number: a worker may ask for one that has just been replaced."""

log = logging.getLogger(__name__)


class Publisher:
    """The current snapshot, and the last few as they go over the wire. A restart publishes the same one again."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._encoded: dict[int, bytes] = {}
        self._catalogue, self.current = self._publish()

    def refresh(self) -> bool:
        """Publishes what changed; returns whether anything did. One small query if nothing did."""
        with self._store.read() as conn:
            version = catalogue.version(conn)
        if version == self.current.version and not self._is_stale(self._catalogue, self.current.published_ns):
            return False
        self._catalogue, self.current = self._publish()
        return True

    def encoded(self, version: int | None = None) -> bytes | None:
        """A snapshot as msgpack; without a version the current one; None if it is not kept any more, or never was."""
        return self._encoded.get(self.current.version if version is None else version)

    @uncollected()
    def _publish(self) -> tuple[Catalogue, Snapshot]:
        with self._store.read() as conn:
            known = catalogue.load(conn)  # beside writers: with many line items it takes a second
        with self._store.write() as conn:
            now = self._clock.now_ns()
            version, published, published_ns = conn.execute(
                select(revision.c.version, revision.c.published, revision.c.published_ns)
            ).one()
            # an even plan begins when its line item can first be bid on, and that is now
            first = update(line_items).where(line_items.c.activated_ns == 0, line_items.c.status == "active")
            begun = set(conn.execute(first.values(activated_ns=now).returning(line_items.c.id)).scalars())
            if version != known.version:
                known = catalogue.load(conn)
            for key, item in known.line_items.items() if begun else ():
                if item.id in begun:
                    known.line_items[key] = msgspec.structs.replace(item, activated_ns=now)
            known = history.published(conn, known, now)
            terms = fee_terms.agree(conn, known)
            judged = approvals.current(conn, known)
            if published != version or self._is_stale(known, published_ns):
                if published == version:
                    known.version = touch(conn)
                published_ns = now
                conn.execute(update(revision).values(published=known.version, published_ns=now))
        snapshot = compile_snapshot(known, published_ns, terms, judged)
        self._encoded[snapshot.version] = msgspec.msgpack.encode(snapshot)
        for version in sorted(self._encoded)[:-KEPT]:
            del self._encoded[version]
        log.info("snapshot %d: %d line items", snapshot.version, len(snapshot.line_items))
        return known, snapshot

    def _is_stale(self, known: Catalogue, published_ns: int) -> bool:
        return stale(known, published_ns, self._clock.now_ns())
