"""The worker's purse: what it may still bid for each line item, as control granted it.

A bid reserves its whole price at once; the reservation is given back by control (which sees billings, losses and
expiries), never here. So a worker can overspend nothing, whatever dies: it holds only what it was granted.
"""

from libc.stdint cimport int64_t, uint32_t

import time

from pacing.protocol import LeaseUse


cdef object use_of(Lease *lease):
    counted = None if lease.granted_bids == UNCOUNTED else lease.granted_bids
    return LeaseUse(lease.id, lease.reserved, lease.granted, lease.bids, counted)


cdef class Leases:

    cdef int slot(self, uint32_t line_item):
        """Slot of a line item, made if it has none yet."""
        cdef Lease lease
        cdef int place
        if self.by_line_item.count(line_item):
            return self.by_line_item[line_item]
        lease.id = 0
        lease.line_item = line_item
        lease.granted = lease.reserved = lease.end_ns = lease.bids = 0
        lease.granted_bids = UNCOUNTED
        place = <int>self.slots.size()
        self.slots.push_back(lease)
        self.by_line_item[line_item] = place
        return place

    cdef uint32_t reserve(self, int slot, int64_t amount) noexcept nogil:
        """Takes ``amount`` from a lease that covers it; returns the lease's id."""
        cdef Lease *lease = &self.slots[slot]
        lease.reserved += amount
        lease.bids += 1
        return lease.id

    def tick(self):
        """Reads the monotonic clock, once a request."""
        self.now_ns = time.monotonic_ns()

    def apply(self, grant, int64_t asked_ns) -> None:
        """Takes a `pacing.protocol.Grant`: a new lease, or more money and time on the one held.

        Its time counts from ``asked_ns``, when control was asked (monotonic). Control counts from when it answered, which
        is later: however long the answer took, or the worker stood still with it, nothing is bid after control's end.
        """
        cdef Lease *lease = &self.slots[self.slot(grant.line_item)]
        if lease.id != <uint32_t>grant.lease:
            lease.id = grant.lease
            lease.reserved = lease.bids = 0
        lease.granted = grant.granted
        lease.granted_bids = UNCOUNTED if grant.bids is None else grant.bids
        lease.end_ns = asked_ns + <int64_t>(grant.end_s * 1e9)

    def uses(self) -> list:
        """`LeaseUse` of every lease held."""
        cdef list uses = []
        cdef size_t i
        for i in range(self.slots.size()):
            if self.slots[i].id:
                uses.append(use_of(&self.slots[i]))
        return uses

    def drop(self, uint32_t lease_id) -> object:
        """Gives one lease up; returns its final `LeaseUse`, or None if it is not held."""
        cdef Lease *lease
        cdef size_t i
        for i in range(self.slots.size()):
            lease = &self.slots[i]
            if lease.id == lease_id:
                use = use_of(lease)
                lease.id = 0
                return use
        return None

    def drop_all(self) -> list:
        """Gives everything up (the worker stops, or control does not know it any more)."""
        uses = self.uses()
        cdef size_t i
        for i in range(self.slots.size()):
            self.slots[i].id = 0
        return uses

    def ended(self) -> list:
        """Ids of leases whose time is over."""
        cdef int64_t now = time.monotonic_ns()
        cdef list over = []
        cdef size_t i
        for i in range(self.slots.size()):
            if self.slots[i].id and self.slots[i].end_ns <= now:
                over.append(self.slots[i].id)
        return over

    def any_running(self) -> bool:
        """Is there any lease to bid from?"""
        cdef int64_t now = time.monotonic_ns()
        cdef size_t i
        for i in range(self.slots.size()):
            if self.slots[i].id and self.slots[i].end_ns > now:
                return True
        return False

    def available(self, int line_item) -> int:
        """Nanos left on the running lease of a line item; 0 without one. For people and tests."""
        if not self.by_line_item.count(line_item):
            return 0
        cdef Lease lease = self.slots[self.by_line_item[line_item]]
        running = lease.id and lease.end_ns > time.monotonic_ns()
        return lease.granted - lease.reserved if running else 0

    def take(self, uint32_t line_item, int64_t amount) -> int:
        """Reserves as an auction does, as of the last tick; returns the lease's id, 0 if none covers it. For tests."""
        cdef int slot = self.slot(line_item)
        return self.reserve(slot, amount) if covers(self, slot, amount, 1) else 0
