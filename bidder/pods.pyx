"""Pods: the ads of one break in a video or audio stream, chosen together (OpenRTB 2.6, 7.6).

The imps of one ``podid`` are a pod. A fixed slot (a structured pod, or that part of a hybrid one) takes one ad; a dynamic
imp takes as many as there is room for in ``poddur`` and ``maxseq``, each a bid of its own. Open bids and bids in deals do
not compete inside a dynamic imp, since they can all be won; in a fixed slot the best bid in each other deal is added.

Of all sets of bids that may stand side by side the one is taken that earns the most if all are won. It is found by going
through the pairs, dearest first, and leaving a branch as soon as a bound says that it cannot beat the best set known
(branch and bound). After `MOST_STEPS` in a request the best set known is taken, or what one greedy pass finds that goes
by the price for a second, if that is more.

What may stand side by side is told in `bidder.pod_rules`.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libcpp.algorithm cimport sort
from libcpp.unordered_set cimport unordered_set
from libcpp.vector cimport vector
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from bidder.candidates cimport Candidate, Candidates, turn
from bidder.leases cimport Leases
from bidder.pod_rules cimport Viewer, key_of, seconds_of, stands
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.request cimport Player, Request

MOST_ADS = 24
"""In one pod."""
MOST_STEPS = 4096
"""Pairs that are looked at for all pods of a request."""
cdef int32_t ADS = MOST_ADS
cdef int32_t STEPS = MOST_STEPS
cdef int64_t ENDLESS = <int64_t>1 << 40

cdef struct Entry:          # a pair in the order in which it is tried
    int64_t price
    uint64_t turn
    uint64_t key            # of all entries of a key no more than one is chosen
    int32_t row             # place in Candidates.rows
    int32_t seconds


cdef bint dearer(const Entry &one, const Entry &other) noexcept nogil:
    if one.price != other.price:
        return one.price > other.price
    return one.turn > other.turn if one.turn != other.turn else one.row < other.row


cdef bint denser(const Entry &one, const Entry &other) noexcept nogil:
    """By price for a second."""
    cdef double left = <double>one.price * other.seconds, right = <double>other.price * one.seconds
    return left > right if left != right else dearer(one, other)


cdef class Search:
    """The working memory of the choice, used again for every pod."""
    cdef vector[Entry] entries
    cdef vector[int64_t] bounds   # [entry][n]: no n of the entries from there on are worth more
    cdef vector[double] densest   # [entry]: the best price for a second from there on
    cdef vector[int32_t] now, best
    cdef int64_t worth
    cdef int32_t steps, width
    cdef vector[uint64_t] pods    # by an imp's place
    cdef vector[char] opens       # is it its pod's first?
    cdef vector[char] several     # does any format of it take several ads?
    cdef Viewer viewer

    cdef void bound(self, int32_t most) noexcept nogil:
        """Fills ``bounds`` and ``densest``, from the last entry to the first: each is dearer than what is behind it."""
        cdef vector[int64_t] prices
        cdef vector[uint64_t] keys
        cdef int32_t n = <int32_t>self.entries.size(), at, i, known
        cdef double density
        self.width = most + 1
        self.bounds.assign(<size_t>(n + 1) * self.width, 0)
        self.densest.assign(n + 1, 0.0)
        for at in range(n - 1, -1, -1):
            known = -1
            for i in range(<int32_t>keys.size()):
                if keys[i] == self.entries[at].key:
                    known = i
            if known >= 0:
                keys.erase(keys.begin() + known)
                prices.erase(prices.begin() + known)
            elif <int32_t>keys.size() == most:
                keys.pop_back()
                prices.pop_back()
            keys.insert(keys.begin(), self.entries[at].key)
            prices.insert(prices.begin(), self.entries[at].price)
            for i in range(1, self.width):
                self.bounds[at * self.width + i] = self.bounds[at * self.width + i - 1] + (
                    prices[i - 1] if i <= <int32_t>prices.size() else 0
                )
            density = <double>self.entries[at].price / max(1, self.entries[at].seconds)
            self.densest[at] = density if density > self.densest[at + 1] else self.densest[at + 1]

    cdef void note(self, int64_t worth) noexcept nogil:
        if worth > self.worth:
            self.worth, self.best = worth, self.now

    cdef void descend(
        self, int32_t start, int64_t worth, int32_t ads, int64_t seconds,
        Candidates c, View view, Seller seller, Leases leases, Request r,
    ) noexcept nogil:
        """Tries all that can be added from entry ``start`` on, with room for so many ads, and seconds if these are what
        is short.
        """
        cdef int32_t at
        cdef Candidate *row
        self.note(worth)
        if ads == 0:
            return
        for at in range(start, <int32_t>self.entries.size()):
            self.steps -= 1
            if self.steps < 0 or worth + self.bounds[at * self.width + ads] <= self.worth:
                return
            if <double>worth + self.densest[at] * <double>seconds + 1.0 < <double>self.worth:
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

    cdef void take_densest(
        self, int32_t ads, Candidates c, View view, Seller seller, Leases leases, Request r
    ) noexcept nogil:
        """One pass, best price for a second first."""
        cdef size_t before = c.chosen.size()
        cdef int64_t worth = 0
        cdef int32_t at
        cdef Candidate *row
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


cdef Search SEARCH = Search()  # a worker decides one request at a time


cdef int begin_pods(Request r) except -1:
    cdef Search s = SEARCH
    cdef unordered_set[uint64_t] met
    cdef size_t i
    s.steps = STEPS
    s.pods.assign(len(r.imp_ids), 0)
    s.opens.assign(len(r.imp_ids), 0)
    s.several.assign(len(r.imp_ids), 0)
    for i in range(r.imps.size()):
        if r.imps[i].pod and not s.pods[r.imps[i].place]:
            s.pods[r.imps[i].place] = r.imps[i].pod
        s.several[r.imps[i].place] |= r.imps[i].dynamic
    for i in range(s.pods.size()):
        s.opens[i] = s.pods[i] != 0 and met.insert(s.pods[i]).second
    return 0


cdef uint64_t pod_of(int32_t place) noexcept nogil:
    return SEARCH.pods[place]


cdef bint opens_pod(int32_t place) noexcept nogil:
    return SEARCH.opens[place]


cdef bint promised(Candidates c, Request r, int32_t place) noexcept nogil:
    """Was a bid in a guaranteed deal chosen for this imp?"""
    cdef size_t i
    for i in range(c.chosen.size()):
        if r.imps[c.chosen[i].imp].place == place and c.chosen[i].deal >= 0 and r.deals[c.chosen[i].deal].guaranteed:
            return True
    return False


cdef bint eligible(Candidates c, View view, Request r, Candidate *row, uint64_t pod, bint guaranteed) noexcept nogil:
    if view.lines[row.line].roadblock or pod_of(r.imps[row.imp].place) != pod:
        return False
    if (row.deal >= 0 and r.deals[row.deal].guaranteed) != guaranteed:
        return False
    return r.imps[row.imp].dynamic or guaranteed or not promised(c, r, r.imps[row.imp].place)


cdef int32_t room_for(Search s, Request r, uint64_t pod, int64_t *seconds) noexcept nogil:
    """How many ads the pod takes at most; and in how many seconds, if it is dynamic in all its parts."""
    cdef int32_t ads = 0, here, shortest = 0x7FFFFFFF, place = -1
    cdef Player *player
    cdef size_t i
    for i in range(s.entries.size()):
        shortest = min(shortest, max(1, s.entries[i].seconds))
    seconds[0] = 0
    for i in range(r.imps.size()):
        if pod_of(r.imps[i].place) != pod:
            continue
        if r.imps[i].dynamic:
            player = &r.players[r.imps[i].detail]
            here = min(player.pod_s // shortest, player.pod_ads if player.pod_ads > 0 else ADS)
            seconds[0] += player.pod_s
        else:
            here = 1
            seconds[0] += ENDLESS
        ads = min(ADS, ads + here)
    return ads


cdef int fill_pod(
    Candidates c, View view, Seller seller, Leases leases, Request r, uint64_t pod, bint guaranteed
) except -1:
    cdef Search s = SEARCH
    cdef bytes record = r.record
    cdef Entry entry
    cdef int64_t seconds = 0
    cdef int32_t ads, place
    cdef size_t i
    s.viewer.record = <const uint8_t *>PyBytes_AS_STRING(record) if record is not None else NULL
    s.viewer.size = PyBytes_GET_SIZE(record) if record is not None else 0
    s.entries.clear()
    for i in range(c.rows.size()):
        if eligible(c, view, r, &c.rows[i], pod, guaranteed):
            entry.price, entry.turn = c.rows[i].price, turn(r.hash, &c.rows[i])
            entry.key, entry.row = key_of(view, &c.rows[i]), <int32_t>i
            entry.seconds = seconds_of(view, &c.rows[i])
            s.entries.push_back(entry)
    if s.entries.empty():
        return 0
    sort(s.entries.begin(), s.entries.end(), &dearer)
    ads = room_for(s, r, pod, &seconds)
    s.bound(ads)
    s.worth = 0
    s.best.clear()
    s.now.clear()
    s.descend(0, 0, ads, seconds, c, view, seller, leases, r)
    if s.steps < 0:
        c.cut_short = True
        s.take_densest(ads, c, view, seller, leases, r)
    for place in range(<int32_t>len(r.imp_ids)):  # in the order of the request
        for i in range(s.best.size()):
            if r.imps[c.rows[s.best[i]].imp].place == place:
                c.chosen.push_back(c.rows[s.best[i]])
    add_alternatives(c, view, seller, leases, r, pod, guaranteed)
    return 0


cdef void add_alternatives(
    Candidates c, View view, Seller seller, Leases leases, Request r, uint64_t pod, bint guaranteed
) noexcept nogil:
    """On fixed slots the best bid in the open auction and in each deal, where there is none of it yet: the exchange
    chooses between them.
    """
    cdef Candidate *row
    cdef Candidate *best
    cdef int32_t imp, deal, at
    cdef size_t i
    for imp in range(<int32_t>r.imps.size()):
        if not r.imps[imp].n_deals or SEARCH.several[r.imps[imp].place] or pod_of(r.imps[imp].place) != pod:
            continue
        if imp and r.imps[imp - 1].place == r.imps[imp].place:
            continue  # another format of the same
        for deal in range(-1, r.imps[imp].n_deals):
            at = -1 if deal < 0 else r.imps[imp].deals + deal
            if bid_in(c, r, r.imps[imp].place, at):
                continue
            best = NULL
            for i in range(c.rows.size()):
                row = &c.rows[i]
                if row.deal != at or r.imps[row.imp].place != r.imps[imp].place:
                    continue
                if not eligible(c, view, r, row, pod, guaranteed):
                    continue
                if best is not NULL and row.price < best.price:
                    continue
                if best is not NULL and row.price == best.price and turn(r.hash, row) <= turn(r.hash, best):
                    continue
                if stands(c, view, seller, leases, r, row, &SEARCH.viewer, True):
                    best = row
            if best is not NULL:
                c.chosen.push_back(best[0])


cdef bint bid_in(Candidates c, Request r, int32_t place, int32_t deal) noexcept nogil:
    """Is there a bid on this imp in this deal (-1: in the open auction)?"""
    cdef size_t i
    for i in range(c.chosen.size()):
        if c.chosen[i].deal == deal and r.imps[c.chosen[i].imp].place == place:
            return True
    return False
