"""Pods: the ads of one break in a video or audio stream, chosen together (OpenRTB 2.6, 7.6).

The imps of one ``podid`` are a pod. A fixed slot (a structured pod, or that part of a hybrid one) takes one ad; a dynamic
imp takes as many as there is room for in ``poddur`` and ``maxseq``, each a bid of its own. Open bids and bids in deals do
not compete inside a dynamic imp, since they can all be won; in a fixed slot the best bid in each other deal is added.

Of all sets of bids that may stand side by side (`bidder.pod_rules`) the one is taken that earns the most if all are won
(`bidder.pod_search`).
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libcpp.unordered_set cimport unordered_set
from libcpp.vector cimport vector

from bidder.candidates cimport Candidate, Candidates, promised, turn
from bidder.frequency cimport History
from bidder.leases cimport Leases
from bidder.pod_rules cimport key_of, seconds_of, stands
from bidder.pod_search cimport Entry, Search
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.request cimport Player, Request

MOST_ADS = 24
"""In one pod."""
cdef int32_t ADS = MOST_ADS

cdef struct Break:          # what is known of an imp, by its place
    uint64_t pod
    bint opens              # is it its pod's first imp?
    bint several            # does any format of it take several ads?

cdef vector[Break] BREAKS
cdef Search SEARCH = Search()  # a worker decides one request at a time


cdef int begin_pods(Request r) except -1:
    cdef unordered_set[uint64_t] met
    cdef Break none
    cdef Break *at
    cdef size_t i
    SEARCH.begin()
    none.pod, none.opens, none.several = 0, False, False
    BREAKS.assign(len(r.imp_ids), none)
    for i in range(r.imps.size()):
        at = &BREAKS[r.imps[i].place]
        at.pod = at.pod or r.imps[i].pod
        at.several = at.several or r.imps[i].dynamic
    for i in range(BREAKS.size()):
        BREAKS[i].opens = BREAKS[i].pod != 0 and met.insert(BREAKS[i].pod).second
    return 0


cdef uint64_t pod_of(int32_t place) noexcept nogil:
    return BREAKS[place].pod


cdef bint opens_pod(int32_t place) noexcept nogil:
    return BREAKS[place].opens


cdef bint eligible(Candidates c, View view, Request r, Candidate *row, uint64_t pod, bint guaranteed) noexcept nogil:
    if view.lines[row.line].roadblock or pod_of(r.imps[row.imp].place) != pod:
        return False
    if (row.deal >= 0 and r.deals[row.deal].guaranteed) != guaranteed:
        return False
    return r.imps[row.imp].dynamic or guaranteed or not promised(c, r, r.imps[row.imp].place)


cdef int32_t room_for(Search s, Request r, uint64_t pod, int64_t *seconds) noexcept nogil:
    """How many ads the pod takes at most, and in how many seconds: a fixed slot may get the longest of all."""
    cdef int32_t ads = 0, here, shortest = 0x7FFFFFFF, longest = 0
    cdef Player *player
    cdef size_t i
    for i in range(s.entries.size()):
        shortest = min(shortest, max(1, s.entries[i].seconds))
        longest = max(longest, s.entries[i].seconds)
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
            seconds[0] += longest
        ads = min(ADS, ads + here)
    return ads


cdef int fill_pod(
    Candidates c, View view, Seller seller, History history, Leases leases, Request r, uint64_t pod, bint guaranteed
) except -1:
    cdef Search s = SEARCH
    cdef Entry entry
    cdef int64_t seconds = 0
    cdef int32_t ads, place
    cdef size_t i
    s.entries.clear()
    for i in range(c.rows.size()):
        if eligible(c, view, r, &c.rows[i], pod, guaranteed):
            entry.price, entry.turn = c.rows[i].price, turn(r.hash, &c.rows[i])
            entry.key, entry.row = key_of(view, &c.rows[i]), <int32_t>i
            entry.seconds = seconds_of(view, &c.rows[i])
            s.entries.push_back(entry)
    if s.entries.empty():
        return 0
    ads = room_for(s, r, pod, &seconds)
    if not s.solve(ads, seconds, c, view, seller, history, leases, r):
        c.cut_short = True
    for place in range(<int32_t>len(r.imp_ids)):  # in the order of the request
        for i in range(s.best.size()):
            if r.imps[c.rows[s.best[i]].imp].place == place:
                c.chosen.push_back(c.rows[s.best[i]])
    add_alternatives(c, view, seller, history, leases, r, pod, guaranteed)
    return 0


cdef void add_alternatives(
    Candidates c, View view, Seller seller, History history, Leases leases, Request r, uint64_t pod, bint guaranteed
) noexcept nogil:
    """On fixed slots the best bid in the open auction and in each deal, where there is none of it yet: the exchange
    chooses between them.
    """
    cdef Candidate *row
    cdef Candidate *best
    cdef int32_t imp, deal, at
    cdef size_t i
    for imp in range(<int32_t>r.imps.size()):
        if not r.imps[imp].n_deals or BREAKS[r.imps[imp].place].several or pod_of(r.imps[imp].place) != pod:
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
                if stands(c, view, seller, history, leases, r, row, True):
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
