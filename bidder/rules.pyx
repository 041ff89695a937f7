"""The publisher's rules: what is blocked, and which deals are open to whom."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from bidder.brands cimport TAXONOMIES, Brand, Brands, Judged
from bidder.candidates cimport Candidate, Candidates, keep
from bidder.floors cimport floor_of
from bidder.seller cimport Seller
from bidder.view cimport Ad, Line, View
from openrtb.request cimport Deal, Imp, Request, folded

from domain.campaign import INTERSTITIALS

cdef const char *NOT_OUR_SEAT = b"our seat may not bid (wseat, bseat)"
cdef const char *UNJUDGED = b"not judged yet"
cdef int ONLY_INTERSTITIALS = INTERSTITIALS.index("only")
cdef int NO_INTERSTITIALS = INTERSTITIALS.index("never")
cdef uint64_t NO_LANGUAGE = folded("xx")  # of a creative without words, AdCOM's Ad.lang
cdef int64_t NO_RATE = <int64_t>1 << 62


cdef inline bint listed(uint64_t name, vector[uint64_t] &names) noexcept nogil:
    cdef size_t i
    for i in range(names.size()):
        if names[i] == name:
            return True
    return False


cdef inline bint any_listed(const uint64_t *names, int32_t count, vector[uint64_t] &given) noexcept nogil:
    cdef int32_t i
    for i in range(count):
        if listed(names[i], given):
            return True
    return False


cdef inline bint all_allowed(const uint64_t *names, int32_t count, vector[uint64_t] &allowed) noexcept nogil:
    """Is each category on the list, or one above it? Each stands with all above it before a 0."""
    cdef int32_t i
    cdef bint found = False
    for i in range(count):
        if names[i] == 0:
            if not found:
                return False
            found = False
        elif not found:
            found = listed(names[i], allowed)
    return True


cdef const char *brand_blocked(Brand *brand, Brands brands, Request r) noexcept nogil:
    """Why nothing of this advertiser may be shown here; NULL if it may."""
    cdef Judged *judged
    if r.bcat.size() or r.acat.size():
        if not 0 < r.taxonomy < TAXONOMIES or not brand.judged[r.taxonomy].known:
            return b"categories are blocked in a taxonomy that our categories are not in (cattax)"
        judged = &brand.judged[r.taxonomy]
        if any_listed(brands.names.data() + judged.blocked, judged.n_blocked, r.bcat):
            return b"a category is blocked (bcat)"
        if r.acat.size() and not all_allowed(brands.names.data() + judged.allowed, judged.n_allowed, r.acat):
            return b"a category is not among the allowed ones (acat)"
    if r.badv.size() and any_listed(brands.names.data() + brand.domains, brand.n_domains, r.badv):
        return b"the advertiser's domain is blocked (badv)"
    return NULL


cdef inline const char *creative_blocked(
    Imp *imp, Line *line, Ad *ad, Request r, bint tongues, int unwanted
) noexcept nogil:
    """``tongues``: are there languages that alone are allowed? ``unwanted``: by line items in such a placement."""
    if imp.battr & ad.attributes:
        return b"a creative attribute is blocked (battr)"
    if imp.btype & ad.type:
        return b"the banner type is blocked (btype)"
    if ad.bundle and listed(ad.bundle, r.bapp):
        return b"the app that it advertises is blocked (bapp)"
    if tongues and ad.tongue != NO_LANGUAGE and (ad.tongue == 0 or not listed(ad.tongue, r.tongues)):
        return b"its language is not among the allowed ones, or not known (wlang)"
    if line.interstitials == unwanted:
        return b"it does not want full-screen placements, or nothing else (instl)"
    return NULL


def blocks(Candidates c not None, View view not None, Request r not None):
    """Takes out what wseat, bseat, bcat, acat, badv, bapp, battr, btype and wlang refuse, and line items that want no such
    placement; returns how many pairs are left.
    """
    cdef size_t i, kept = 0, n = c.rows.size()
    cdef Candidate *rows = c.rows.data()
    cdef Ad *ads = view.ads.data()
    cdef Line *lines = view.lines.data()
    cdef Imp *imps = r.imps.data()
    cdef Brands brands = view.brands
    cdef Ad *ad
    cdef Imp *imp
    cdef const char *why
    cdef const char *unjudged = UNJUDGED
    cdef const char **verdicts
    cdef bint allowed = r.seat_allowed, tongues = not r.tongues.empty()
    cdef int never = NO_INTERSTITIALS, only = ONLY_INTERSTITIALS
    c.verdicts.assign(brands.rows.size(), unjudged)  # judged once for all ads of a brand
    verdicts = c.verdicts.data()
    for i in range(n):
        ad, imp = &ads[rows[i].ad], &imps[rows[i].imp]
        why = NOT_OUR_SEAT
        if allowed:
            why = creative_blocked(imp, &lines[rows[i].line], ad, r, tongues, never if imp.interstitial else only)
        if why is NULL:
            why = verdicts[ad.brand]
            if why is unjudged:
                why = verdicts[ad.brand] = brand_blocked(&brands.rows[ad.brand], brands, r)
        if why is NULL:
            kept = keep(c, i, kept)
        elif c.keep_reasons:
            c.out("blocks", rows[i].line, rows[i].ad, rows[i].imp, why.decode())
    c.rows.resize(kept)
    return kept


cdef bint open_to(Deal *deal, Brand *brand, Brands brands, Request r) noexcept nogil:
    """May our seat, and this advertiser, bid in the deal (``wseat``, ``wadomain``)? A domain stands for those below it."""
    cdef int32_t i, k
    if not deal.open_to_us:
        return False
    if not deal.n_domains:
        return True
    for k in range(deal.domains, deal.domains + deal.n_domains):
        for i in range(brand.domains, brand.domains + brand.n_domains):
            if brands.names[i] == r.deal_domains[k]:
                return True
    return False


cdef int find_deal(Candidate *row, View view, Seller seller, Request r) noexcept nogil:
    """Place in Request.deals of the deal that the line item buys through; -1 if there is none. A guaranteed one comes
    first, then the one with the lowest floor.
    """
    cdef Line *line = &view.lines[row.line]
    cdef Imp *imp = &r.imps[row.imp]
    cdef Ad *ad = &view.ads[row.ad]
    cdef Deal *deal
    cdef int64_t floor, lowest = NO_RATE
    cdef int32_t i, j, found = -1
    for i in range(imp.deals, imp.deals + imp.n_deals):
        deal = &r.deals[i]
        for j in range(line.deals, line.deals + line.n_deals):
            if view.deals[j].code == deal.code and view.deals[j].exchange == <uint32_t>seller.id:
                break
        else:
            continue
        if not open_to(deal, &view.brands.rows[ad.brand], view.brands, r):
            continue
        floor = floor_of(imp, deal, ad.length_ms, seller, r)
        if floor < 0:
            floor = NO_RATE
        if found < 0 or deal.guaranteed > r.deals[found].guaranteed or (
            deal.guaranteed == r.deals[found].guaranteed and floor < lowest
        ):
            found, lowest, row.deal_id = i, floor, view.deals[j].id
    return found


cdef inline bint any_private(Request r) noexcept nogil:
    cdef size_t i
    for i in range(r.imps.size()):
        if r.imps[i].private_auction:
            return True
    return False


def deals(Candidates c not None, View view not None, Seller seller not None, Request r not None):
    """Finds the deal that each pair buys through, and takes out who has none where one is needed; returns how many are
    left.
    """
    cdef size_t i, kept = 0
    cdef Candidate *row
    cdef Line *line
    cdef const char *why
    if r.deals.empty() and not any_private(r):
        return c.rows.size()  # open bids, as `fit` made them; who wants deals only was not targeted
    for i in range(c.rows.size()):
        row = &c.rows[i]
        line = &view.lines[row.line]
        why = NULL
        row.deal = find_deal(row, view, seller, r) if line.n_deals and r.imps[row.imp].n_deals else -1
        if row.deal < 0:
            if line.deals_only:
                why = b"it buys through deals only, and none of its deals is open to it here"
            elif r.imps[row.imp].private_auction:
                why = b"the auction is private, and it has no deal in it"
        if why is NULL:
            kept = keep(c, i, kept)
        elif c.keep_reasons:
            c.out("deals", row.line, row.ad, row.imp, why.decode())
    c.rows.resize(kept)
    return kept
