"""What a worker decides on, swapped whole between two requests: the view of a snapshot, and the sellers it knows."""

import asyncio
import gc
import logging

from bidder.changes import Change, change_of
from bidder.creative_texts import is_secure
from bidder.leases import Leases
from bidder.snapshot_reader import SnapshotReader
from bidder.view import View

log = logging.getLogger(__name__)


class State:
    """The current `View`; None until the first snapshot has come."""

    def __init__(self, leases: Leases, tracker_base: str) -> None:
        self.leases = leases
        self.reader = SnapshotReader()
        self.tracker_is_secure = is_secure(tracker_base + "/")
        self.workers = 1
        """How many there are of us, as control last said: they share what an exchange may ask a second."""
        self.view: View | None = None
        self.ready = asyncio.Event()
        """Set with the first snapshot."""

    @property
    def version(self) -> int:
        """Version of the snapshot in use; -1 before the first (0 is control's while nothing is defined yet)."""
        return self.view.snapshot.version if self.view is not None else -1

    def compile(self, data: bytes) -> View | Change:
        """Published bytes -> a view, or what is to be changed in the current one. May run in another thread; nothing is
        swapped yet."""
        snapshot = self.reader.read(data)
        change = change_of(self.view, snapshot) if self.view is not None else None
        return change or View(snapshot, self.leases, self.tracker_is_secure)

    def swap(self, compiled: View | Change) -> None:
        """From here on requests are decided on what was compiled last."""
        if isinstance(compiled, Change):
            assert self.view is not None
            self.view.apply(compiled, self.leases, self.tracker_is_secure)
            gc.freeze()  # the new snapshot lives as long as the view
            log.info("snapshot %d: %d line items out, %d in", self.version, len(compiled.gone), len(compiled.rows))
            return
        view = self.view = compiled
        self.ready.set()
        # The new view lives until the next swap: keep the collector from walking it again and again.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        log.info("snapshot %d: %d live line items", view.snapshot.version, len(view))
