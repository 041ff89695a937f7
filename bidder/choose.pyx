"""The choice: for each impression the best open bid and the best bid in each deal; and then their prices are reserved.

Equal bids take turns by the auction's id. A line item bids at most once in a response, so that its lease holds for all
impressions of the request together, and what frequency caps leave no room for beside what is chosen is passed over;
breaks of video and audio streams have rules of their own (`bidder.pods`). Three things go before the best price:

- a guaranteed deal: its imp gets bids in guaranteed deals only, so that nothing of ours outbids what was promised;
- competitive separation: what a line item must not stand beside (see `bidder.neighbours`) is passed over;
- a roadblock, which bids on every imp or on none (see `bidder.roadblocks`): it is taken where it pays at least as much
  as the best bids on the single imps together, and then nothing else is bid.

A request with ``test`` is answered like any other, but nothing is reserved for it.
"""

from libc.stdint cimport int32_t, uint64_t

from bidder.candidates cimport Candidate, Candidates, promised, turn
from bidder.frequency cimport History
from bidder.leases cimport Leases
from bidder.limits cimport billed, gross_amount
from bidder.neighbours cimport beside_a_rival
from bidder.pods cimport begin_pods, fill_pod, opens_pod, pod_of
from bidder.roadblocks cimport take_roadblock
from bidder.seller cimport Seller
from bidder.view cimport Price, View, price_of
from openrtb.request cimport Request


cdef inline bint taken(Candidates c, int32_t line) noexcept nogil:
    cdef size_t i
    for i in range(c.chosen.size()):
        if c.chosen[i].line == line:
            return True
    return False


cdef Candidate *best(Candidates c, View view, History history, Request r, int32_t imp, int32_t deal) noexcept nogil:
    """The highest bid left for this impression, whatever the format, in this deal (-1: in the open auction); NULL if there
    is none. ``imp`` is its place in the request.
    """
    cdef Candidate *found = NULL
    cdef Candidate *row
    cdef uint64_t found_turn = 0, row_turn
    cdef size_t i
    for i in range(c.rows.size()):
        row = &c.rows[i]
        if row.deal != deal or r.imps[row.imp].place != imp or taken(c, row.line):
            continue
        if view.roadblocking and view.lines[row.line].roadblock:
            continue
        if found is not NULL and row.price < found.price:
            continue
        if view.separating and beside_a_rival(c, view, r, row):
            continue
        if view.capping and c.chosen.size() and not history.has_room(c, view, row):
            continue
        row_turn = turn(r.hash, row)
        if found is NULL or row.price > found.price or row_turn > found_turn:
            found, found_turn = row, row_turn
    return found


cdef bint choose_on(
    Candidates c, View view, History history, Request r, int32_t at, bint guaranteed
) noexcept nogil:
    """Chooses on the imp of row ``at``: in its guaranteed deals, or in all else. Was anything chosen?"""
    cdef int32_t deal, place
    cdef Candidate *row
    cdef size_t before = c.chosen.size()
    for deal in range(0 if guaranteed else -1, r.imps[at].n_deals):
        place = -1 if deal < 0 else r.imps[at].deals + deal
        if deal >= 0 and r.deals[place].guaranteed != guaranteed:
            continue
        row = best(c, view, history, r, r.imps[at].place, place)
        if row is not NULL:
            c.chosen.push_back(row[0])
    return c.chosen.size() > before


cdef bint any_guaranteed(Request r) noexcept nogil:
    cdef size_t i
    for i in range(r.deals.size()):
        if r.deals[i].guaranteed:
            return True
    return False


cdef int choose_singly(Candidates c, View view, Seller seller, History history, Leases leases, Request r) except -1:
    """The best bids on each imp, guaranteed deals of all imps first."""
    cdef bint guaranteed = any_guaranteed(r)
    if r.has_pods:
        begin_pods(r)
    if guaranteed:
        choose_among(c, view, seller, history, leases, r, True, False)
    return choose_among(c, view, seller, history, leases, r, False, guaranteed)


cdef int choose_among(
    Candidates c, View view, Seller seller, History history, Leases leases, Request r, bint guaranteed,
    bint after_guaranteed,
) except -1:
    cdef int32_t i, imp = -1
    cdef uint64_t pod = 0
    for i in range(<int32_t>r.imps.size()):
        if r.imps[i].place == imp:  # another format of the same
            continue
        imp = r.imps[i].place
        if r.has_pods:
            pod = pod_of(imp)
        if pod:
            if opens_pod(imp):
                fill_pod(c, view, seller, history, leases, r, pod, guaranteed)
        elif not after_guaranteed or not promised(c, r, imp):
            choose_on(c, view, history, r, i, guaranteed)
    return 0


def choose(
    Candidates c not None, View view not None, Seller seller not None, History history not None, Leases leases not None,
    Request r not None,
):
    """Picks; returns how many bids there are."""
    choose_singly(c, view, seller, history, leases, r)
    if view.roadblocking:
        take_roadblock(c, view, seller, leases, r)
    if c.keep_reasons:
        explain_losers(c, view, r)
    return c.chosen.size()


def reserve(
    Candidates c not None, View view not None, Seller seller not None, Leases leases not None, Request r not None
):
    """Takes the prices of the chosen bids from their leases, which cover them."""
    cdef size_t i
    cdef Candidate *row
    cdef Price *price
    if not r.test:
        for i in range(c.chosen.size()):
            row = &c.chosen[i]
            price = price_of(view, seller, row.line)
            row.lease = leases.reserve(view.lines[row.line].lease, gross_amount(billed(row.price, seller, r, row.imp), price))


cdef int explain_losers(Candidates c, View view, Request r) except -1:
    cdef size_t i
    cdef Candidate *row
    cdef bint is_chosen
    for i in range(c.rows.size()):
        row = &c.rows[i]
        is_chosen = any([o.imp == row.imp and o.ad == row.ad and o.line == row.line for o in c.chosen])
        if is_chosen:
            continue
        if view.lines[row.line].roadblock:
            why = "it bids on every impression or on none, and cannot on all, or single bids pay more"
        elif r.imps[row.imp].pod and c.cut_short:
            why = "the best choice that was found for its pod, in the time that there is, is without it"
        elif r.imps[row.imp].pod:
            why = "its pod earns the most without it"
        else:
            why = "another of our bids is higher, or goes before it, or it is its turn"
        c.out("choose", row.line, row.ad, row.imp, why)
    return 0
