"""What may stand side by side in the breaks of a stream: room, what line items and seller keep apart, rivals, and, as a
line item can be in a pod several times, caps and leases for all bids of the response together.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bidder.candidates cimport Candidate, Candidates
from bidder.frequency cimport History
from bidder.leases cimport Leases, covers
from bidder.limits cimport billed, gross_amount
from bidder.neighbours cimport beside_a_rival, same_field
from bidder.seller cimport Seller
from bidder.view cimport Line, View, price_of
from openrtb.request cimport Imp, Player, Request

from domain.campaign import ONE_PER_POD

cdef int LINE_ITEM = ONE_PER_POD.index("line_item")
cdef int CAMPAIGN = ONE_PER_POD.index("campaign")
cdef int ADVERTISER = ONE_PER_POD.index("advertiser")
cdef enum:
    BY_DOMAIN = 2          # 1 << of AdCOM's list "Pod Deduplication Settings"
    BY_CATEGORY = 4


cdef uint64_t key_of(View view, Candidate *row) noexcept nogil:
    cdef Line *line = &view.lines[row.line]
    if line.one_per_pod < LINE_ITEM:
        return <uint64_t>row.ad
    if line.one_per_pod < ADVERTISER:
        return (<uint64_t>1 << 32) | <uint32_t>row.line
    return (<uint64_t>2 << 32) | line.advertiser


cdef bint kept_apart(View view, uint64_t dedupe, Candidate *one, Candidate *other) noexcept nogil:
    """May these two not be in one pod, by what line items or the seller (``poddedupe``) say?"""
    cdef Line *a = &view.lines[one.line]
    cdef Line *b = &view.lines[other.line]
    cdef int most = max(a.one_per_pod, b.one_per_pod)
    if one.ad == other.ad:
        return True
    if one.line == other.line and most >= LINE_ITEM:
        return True
    if a.campaign == b.campaign and most >= CAMPAIGN:
        return True
    if a.advertiser == b.advertiser and most >= ADVERTISER:
        return True
    if (dedupe & BY_DOMAIN) and same_domain(view, one.ad, other.ad):
        return True
    if (dedupe & BY_CATEGORY) == 0:
        return False
    return same_field(
        &view.brands.rows[view.ads[one.ad].brand], &view.brands.rows[view.ads[other.ad].brand], view.brands
    )


cdef inline bint same_domain(View view, int32_t one, int32_t other) noexcept nogil:
    return view.brands.names[view.brands.rows[view.ads[one].brand].domains] == (
        view.brands.names[view.brands.rows[view.ads[other].brand].domains]
    )


cdef bint stands(
    Candidates c, View view, Seller seller, History history, Leases leases, Request r, Candidate *row, bint alternative
) noexcept nogil:
    cdef Imp *imp = &r.imps[row.imp]
    cdef Imp *other
    cdef Player *player
    cdef Candidate *chosen
    cdef int64_t seconds = 0, amount = 0
    cdef int32_t ads = 0, bids = 0
    cdef size_t i
    for i in range(c.chosen.size()):
        chosen = &c.chosen[i]
        other = &r.imps[chosen.imp]
        if other.place == imp.place:
            if alternative:
                if chosen.line == row.line:
                    return False
                continue
            if chosen.imp != row.imp or not imp.dynamic or (row.slot and chosen.slot == row.slot):
                return False
            ads += 1
            seconds += seconds_of(view, chosen)
        if imp.pod and imp.pod == other.pod:
            if kept_apart(view, imp.dedupe | other.dedupe, row, chosen):
                return False
        elif chosen.line == row.line and not (imp.pod and other.pod):
            return False
        if chosen.line == row.line:
            bids += 1
            amount += gross_amount(billed(chosen.price, seller, r, chosen.imp), price_of(view, seller, row.line))
    if imp.dynamic:
        player = &r.players[imp.detail]
        if (player.pod_ads > 0 and ads >= player.pod_ads) or seconds + seconds_of(view, row) > player.pod_s:
            return False
    if bids:
        amount += gross_amount(billed(row.price, seller, r, row.imp), price_of(view, seller, row.line))
        if not covers(leases, view.lines[row.line].lease, amount, bids + 1):
            return False
    if view.capping and c.chosen.size() and not history.has_room(c, view, row):
        return False
    return not (view.separating and beside_a_rival(c, view, r, row))
