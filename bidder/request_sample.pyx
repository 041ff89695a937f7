"""The sample of bid requests that is kept for the reach forecast: the bid path's part of it.

Chosen are *persons*, not requests: a request is kept if the hash of its person lies below a limit, so that of a chosen
person all requests are kept, and persons can be counted without bias. A request of which nobody knows whose it is, or
nobody may use that, is chosen by the hash of its auction. The limit is halved when too many are kept
(`bidder.request_sample_files`): adaptive sampling, P. Flajolet, "On adaptive sampling", Computing 43 (1990).
"""

from libc.stdint cimport uint64_t

from bidder.seller cimport Seller
from openrtb.request cimport Request

DEEPEST = 63
Pending = tuple[int, int, int, int, bool, bytes]
"""Hash, time (ns), exchange, person (0: nobody's), whether the person may be used, body."""
MOST_PENDING = 5_000
MOST_WAITING = 16 << 20
"""Requests, and bytes, that wait for the next look of the writer; then the limit is halved at once."""

cdef Py_ssize_t MOST = MOST_PENDING, MOST_BYTES = MOST_WAITING


cdef inline uint64_t mixed(uint64_t key) noexcept nogil:
    """A hash that has nothing in common with other uses of the key's bits (the finalizer of SplitMix64)."""
    key = (key ^ (key >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    key = (key ^ (key >> 27)) * <uint64_t>0x94D049BB133111EB
    return key ^ (key >> 31)


def hash_of(uint64_t key) -> int:
    """What a person, or an auction, is chosen by."""
    return mixed(key)


cdef class RequestSample:

    def __init__(self, bint on=True):
        self.on = on
        self.pending = []
        self.set_level(0)

    def set_level(self, int level):
        """Keeps one in ``2 ** level`` from here on, and of those that wait."""
        self.level = level
        self.limit = (~<uint64_t>0) >> level
        self.pending = [kept for kept in self.pending if kept[0] <= self.limit]
        self.waiting = sum([len(kept[5]) for kept in self.pending])

    def look(self, Request r not None, Seller seller not None, bytes body not None):
        """Keeps the request if it is chosen. Tests (``test=1``) are no traffic."""
        cdef uint64_t hash
        if not self.on or r.test:
            return
        self.seen += 1
        hash = mixed(r.person if r.person else r.hash)
        if hash > self.limit:
            return
        self.pending.append((hash, r.now_ns, seller.id, r.person, r.personal, body))
        self.waiting += len(body)
        if (len(self.pending) > MOST or self.waiting > MOST_BYTES) and self.level < DEEPEST:
            self.set_level(self.level + 1)

    def take(self):
        """What was kept since the last call, and how many requests were looked at."""
        taken, self.pending, self.waiting = self.pending, [], 0
        seen, self.seen = self.seen, 0
        return taken, seen
