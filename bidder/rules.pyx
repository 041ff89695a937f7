"""The publisher's rules: block lists, deals and floors."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from bidder.candidates cimport Candidate, Candidates
from bidder.view cimport Ad, Line, Price, Seller, View
from openrtb.request cimport Deal, Imp, Request

cdef extern from *:
    ctypedef long long int128_t "__int128"

cdef const char *UNJUDGED = b"not judged yet"
cdef int64_t FAR_ABOVE_ANY_BID = <int64_t>1 << 62


cdef inline bint any_of(const uint64_t *names, int32_t count, vector[uint64_t] &listed) noexcept nogil:
    cdef int32_t i
    cdef size_t j
    for i in range(count):
        for j in range(listed.size()):
            if names[i] == listed[j]:
                return True
    return False


cdef inline bint all_allowed(const uint64_t *categories, int32_t own, vector[uint64_t] &allowed) noexcept nogil:
    """Is each of the own categories on the list, or its parent (which stands ``own`` places further)?"""
    cdef int32_t i
    for i in range(own):
        if not any_of(categories + i, 1, allowed) and not any_of(categories + i + own, 1, allowed):
            return False
    return True


cdef const char *advertiser_blocked(Ad *ad, const uint64_t *names, Request r) noexcept nogil:
    """Why nothing of this creative's advertiser may be shown here; NULL if it may."""
    if r.bcat.size() and any_of(names + ad.categories, ad.n_categories, r.bcat):
        return b"a category is blocked (bcat)"
    if r.acat.size() and not all_allowed(names + ad.categories, ad.n_categories // 2, r.acat):
        return b"a category is not among the allowed ones (acat)"
    if r.badv.size() and any_of(names + ad.domains, ad.n_domains, r.badv):
        return b"the advertiser's domain is blocked (badv)"
    if r.foreign_categories:
        return b"categories are blocked in a taxonomy that our categories are not in (cattax)"
    return NULL


cdef inline const char *creative_blocked(Imp *imp, Ad *ad) noexcept nogil:
    if imp.battr & ad.attributes:
        return b"a creative attribute is blocked (battr)"
    if imp.btype & ad.type:
        return b"the banner type is blocked (btype)"
    return NULL


def blocks(Candidates c not None, View view not None, Request r not None):
    """Takes out what bcat, acat, badv, battr and btype refuse; returns how many pairs are left."""
    cdef size_t i, kept = 0, n = c.rows.size()
    cdef Candidate *rows = c.rows.data()
    cdef Ad *ads = view.ads.data()
    cdef Imp *imps = r.imps.data()
    cdef Ad *ad
    cdef const char *why
    c.verdicts.assign(view.advertisers, UNJUDGED)  # categories and domains are the advertiser's: judged once for all its ads
    for i in range(n):
        ad = &ads[rows[i].ad]
        why = creative_blocked(&imps[rows[i].imp], ad)
        if why is NULL:
            why = c.verdicts[ad.advertiser]
            if why is UNJUDGED:
                why = advertiser_blocked(ad, view.names.data(), r)
                c.verdicts[ad.advertiser] = why
        if why is NULL:
            rows[kept] = rows[i]
            kept += 1
        elif c.keep_reasons:
            c.out("blocks", rows[i].line, rows[i].ad, rows[i].imp, why.decode())
    c.rows.resize(kept)
    return kept


cdef inline int find_deal(Candidate *row, View view, Seller seller, Request r) noexcept nogil:
    """Place in Request.deals of a deal that the line item buys through; -1 if there is none. The cheapest floor wins."""
    cdef Line *line = &view.lines[row.line]
    cdef Imp *imp = &r.imps[row.imp]
    cdef Ad *ad = &view.ads[row.ad]
    cdef Deal *deal
    cdef int32_t i, j, k, found = -1
    for i in range(imp.deals, imp.deals + imp.n_deals):
        deal = &r.deals[i]
        if not deal.open_to_us:
            continue
        if deal.n_domains:
            for k in range(deal.domains, deal.domains + deal.n_domains):
                if any_name(view, ad, r.deal_domains[k]):
                    break
            else:
                continue
        for j in range(line.deals, line.deals + line.n_deals):
            if view.deals[j].code == deal.code and view.deals[j].exchange == <uint32_t>seller.id:
                if found < 0 or deal.floor < r.deals[found].floor:
                    found = i
                    row.deal_id = view.deals[j].id
    return found


cdef inline bint any_name(View view, Ad *ad, uint64_t name) noexcept nogil:
    cdef int32_t i
    for i in range(ad.domains, ad.domains + ad.n_domains):
        if view.names[i] == name:
            return True
    return False


cdef inline int64_t in_currency(Seller seller, int64_t floor, uint32_t currency) noexcept nogil:
    """A floor in the exchange's currency, rounded up; -1 if its currency has no rate."""
    cdef int128_t converted
    if floor == 0 or currency == seller.currency:
        return floor
    if seller.floor_rates.count(currency) == 0:
        return -1
    converted = (<int128_t>floor * seller.floor_rates[currency] + 999_999_999) / 1_000_000_000
    return <int64_t>converted if converted < FAR_ABOVE_ANY_BID else FAR_ABOVE_ANY_BID


def deals(Candidates c not None, View view not None, Seller seller not None, Request r not None):
    """Finds the deal that each pair buys through, and takes out who has none where one is needed; returns how many are left."""
    cdef size_t i, kept = 0
    cdef Candidate *row
    cdef Line *line
    cdef const char *why
    for i in range(c.rows.size()):
        row = &c.rows[i]
        line = &view.lines[row.line]
        why = NULL
        row.deal = find_deal(row, view, seller, r) if line.n_deals else -1
        if row.deal < 0:
            if line.n_deals:
                why = b"it buys through deals only, and none of its deals is open to it here"
            elif r.imps[row.imp].private_auction:
                why = b"the auction is private, and it has no deal in it"
        if why is NULL:
            c.rows[kept] = row[0]
            kept += 1
        elif c.keep_reasons:
            c.out("deals", row.line, row.ad, row.imp, why.decode())
    c.rows.resize(kept)
    return kept


def floors(Candidates c not None, View view not None, Seller seller not None, Request r not None):
    """Sets each pair's floor (its deal's, else the imp's) and the most it can bid; returns how many can meet their floor."""
    cdef size_t i, kept = 0
    cdef Candidate *row
    cdef const char *why
    cdef Price *prices = view.prices.data() + <size_t>seller.place * view.lines.size()
    for i in range(c.rows.size()):
        row = &c.rows[i]
        if row.deal >= 0:
            row.floor = in_currency(seller, r.deals[row.deal].floor, r.deals[row.deal].currency)
        else:
            row.floor = in_currency(seller, r.imps[row.imp].floor, r.imps[row.imp].currency)
        row.price = prices[row.line].bid
        if row.price <= 0:
            why = b"there is no exchange rate for its currency"
        elif row.floor < 0:
            why = b"there is no exchange rate for the floor's currency"
        elif row.price < row.floor:
            why = b"its bid is below the floor"
        else:
            c.rows[kept] = row[0]
            kept += 1
            continue
        if c.keep_reasons:
            c.out("floors", row.line, row.ad, row.imp, why.decode())
    c.rows.resize(kept)
    return kept
