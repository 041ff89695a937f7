"""The choice of a set of pairs for a pod that may stand side by side and earns the most: branch and bound.

Pairs are tried one after the other, and a branch is left as soon as a bound says that it cannot beat the best set known:
the dearest pairs for all places that are left, or, where seconds are short, the best prices for a second until these are
filled (the relaxation of the knapsack problem in which the last may be cut off). Where seconds are short the pairs go by
their price for a second, else by their price. After `MOST_STEPS` in a request the best set known is taken, or what one
greedy pass in the other order finds, if that is more.
"""

from libc.stdint cimport int32_t, int64_t
from libcpp.algorithm cimport sort
from libcpp.vector cimport vector

from bidder.candidates cimport Candidate, Candidates
from bidder.leases cimport Leases
from bidder.pod_rules cimport stands
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.request cimport Request

MOST_STEPS = 4096
"""Pairs that are looked at for all pods of a request."""
cdef int32_t STEPS = MOST_STEPS


cdef bint dearer(const Entry &one, const Entry &other) noexcept nogil:
    if one.price != other.price:
        return one.price > other.price
    return one.turn > other.turn if one.turn != other.turn else one.row < other.row


cdef bint denser(const Entry &one, const Entry &other) noexcept nogil:
    """By price for a second."""
    cdef double left = <double>one.price * other.seconds, right = <double>other.price * one.seconds
    return left > right if left != right else dearer(one, other)


cdef class Search:

    cdef void begin(self) noexcept nogil:
        """Before the pods of a request."""
        self.steps = STEPS

    cdef bint solve(
        self, int32_t ads, int64_t seconds,
        Candidates c, View view, Seller seller, Leases leases, Request r,
    ) noexcept nogil:
        """Fills ``best`` from ``entries``, with at most so many ads, which are altogether no longer than that. False: not
        everything could be tried.
        """
        self.worth = 0
        self.best.clear()
        self.now.clear()
        self.arrange(ads, seconds)
        self.descend(0, 0, ads, seconds, c, view, seller, leases, r)
        if self.steps >= 0:
            return True
        self.take_in_other_order(ads, c, view, seller, leases, r)
        return False

    cdef void arrange(self, int32_t most, int64_t seconds) noexcept nogil:
        """The order in which to try: are the dearest, so many as there are places, longer than what there is to fill?"""
        cdef int32_t at, counted = 0
        cdef int64_t needed = 0
        sort(self.entries.begin(), self.entries.end(), &dearer)
        for at in range(<int32_t>self.entries.size()):
            if at and self.entries[at].key == self.entries[at - 1].key:
                continue
            if counted < most:
                counted += 1
                needed += self.entries[at].seconds
        self.by_time = needed > seconds
        if self.by_time:
            sort(self.entries.begin(), self.entries.end(), &denser)
        self.bound(most)

    cdef void bound(self, int32_t most) noexcept nogil:
        """Fills ``bounds``, from the last entry to the first: with the dearest of different keys."""
        cdef vector[Entry] dearest
        cdef int32_t n = <int32_t>self.entries.size(), at, i
        cdef Entry entry
        self.width = most + 1
        self.bounds.assign(<size_t>(n + 1) * self.width, 0)
        for at in range(n - 1, -1, -1):
            for i in range(<int32_t>dearest.size()):
                if dearest[i].key == self.entries[at].key:
                    break
            else:
                i = <int32_t>dearest.size()
                dearest.push_back(self.entries[at])
            if self.entries[at].price > dearest[i].price:
                dearest[i] = self.entries[at]
            while i > 0 and dearest[i].price > dearest[i - 1].price:
                entry = dearest[i]
                dearest[i] = dearest[i - 1]
                dearest[i - 1] = entry
                i -= 1
            if <int32_t>dearest.size() > most:
                dearest.pop_back()
            for i in range(1, self.width):
                self.bounds[at * self.width + i] = self.bounds[at * self.width + i - 1] + (
                    dearest[i - 1].price if i <= <int32_t>dearest.size() else 0
                )

    cdef int64_t filled(self, int32_t at, int64_t seconds) noexcept nogil:
        """No entries from ``at`` on are worth more that fit into so many seconds; they stand in the order of their price
        for a second, and the last may be cut off where the seconds end.
        """
        cdef int64_t worth = 0, whole = seconds
        cdef int32_t k
        cdef Entry *entry
        for k in range(at, <int32_t>self.entries.size()):
            entry = &self.entries[k]
            if entry.seconds > whole:
                continue
            if k > at and entry.key == self.entries[k - 1].key and entry.seconds == self.entries[k - 1].seconds:
                continue  # the same on another imp
            if entry.seconds > seconds:
                return worth + <int64_t>(<double>entry.price * <double>seconds / max(1, entry.seconds)) + 1
            worth += entry.price
            seconds -= entry.seconds
        return worth

    cdef bint hopeless(self, int32_t at, int64_t worth, int32_t ads, int64_t seconds) noexcept nogil:
        """Can no entries from ``at`` on make more of this than the best set that is known?"""
        if worth + self.bounds[at * self.width + ads] <= self.worth:
            return True
        return self.by_time and worth + self.filled(at, seconds) <= self.worth

    cdef void note(self, int64_t worth) noexcept nogil:
        if worth > self.worth:
            self.worth, self.best = worth, self.now

    cdef void descend(
        self, int32_t start, int64_t worth, int32_t ads, int64_t seconds,
        Candidates c, View view, Seller seller, Leases leases, Request r,
    ) noexcept nogil:
        """Tries all that can be added from entry ``start`` on, with room for so many ads and seconds."""
        cdef int32_t at
        cdef Candidate *row
        self.note(worth)
        if ads == 0:
            return
        for at in range(start, <int32_t>self.entries.size()):
            if self.entries[at].seconds > seconds:
                continue
            self.steps = self.steps - 1
            if self.steps < 0 or self.hopeless(at, worth, ads, seconds):
                return
            row = &c.rows[self.entries[at].row]
            if not stands(c, view, seller, leases, r, row, &self.viewer, False):
                continue
            c.chosen.push_back(row[0])
            self.now.push_back(self.entries[at].row)
            self.descend(
                at + 1, worth + self.entries[at].price, ads - 1, seconds - self.entries[at].seconds,
                c, view, seller, leases, r,
            )
            self.now.pop_back()
            c.chosen.pop_back()

    cdef void take_in_other_order(
        self, int32_t ads, Candidates c, View view, Seller seller, Leases leases, Request r
    ) noexcept nogil:
        """One pass."""
        cdef size_t before = c.chosen.size()
        cdef int64_t worth = 0
        cdef int32_t at
        cdef Candidate *row
        if self.by_time:
            sort(self.entries.begin(), self.entries.end(), &dearer)
        else:
            sort(self.entries.begin(), self.entries.end(), &denser)
        for at in range(<int32_t>self.entries.size()):
            if <int32_t>self.now.size() == ads:
                break
            row = &c.rows[self.entries[at].row]
            if stands(c, view, seller, leases, r, row, &self.viewer, False):
                c.chosen.push_back(row[0])
                self.now.push_back(self.entries[at].row)
                worth += row.price
        self.note(worth)
        self.now.clear()
        c.chosen.resize(before)
