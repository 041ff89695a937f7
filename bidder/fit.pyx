"""Fit: which creatives of the matching line items can be shown in which impression."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bidder.candidates cimport Candidate, Candidates
from bidder.view cimport Ad, Line, Slot, View
from openrtb.request cimport Imp, Request

cdef extern from *:
    int __builtin_ctzll(unsigned long long) nogil

MOST = 512
"""Pairs that are looked at. Line items come in the order of their bids, so the cheapest are left out, and counted as such."""

cdef size_t MOST_PAIRS = MOST
cdef const char *NO_SIZE = b"size is not offered"


cdef inline const char *misfit(Imp *imp, Ad *ad, const uint32_t *sizes) noexcept nogil:
    """NULL if the creative can be shown in the impression, else why not. ``sizes`` are all of the request's."""
    cdef int32_t i
    for i in range(imp.sizes, imp.sizes + imp.n_sizes):
        if sizes[i] == ad.size:
            break
    else:
        return NO_SIZE
    if imp.secure and not ad.secure:
        return b"not all of it is HTTPS"
    if imp.mimes and not imp.mimes & ad.mime:
        return b"content type is not taken (mimes)"
    return NULL


def fit(Candidates c not None, View view not None, Request r not None):
    """Pairs the matching line items' creatives with the impressions they fit; returns how many pairs there are."""
    cdef size_t word, i, n_imps = r.imps.size()
    cdef int32_t place, a
    cdef uint64_t bits
    cdef Line *line
    cdef Line *lines = view.lines.data()
    cdef Ad *ads = view.ads.data()
    cdef Imp *imps = r.imps.data()
    cdef const Slot *slots = view.slots.data()
    cdef const uint32_t *sizes = r.sizes.data()
    cdef int64_t now_ns = r.now_ns
    cdef const char *why
    cdef Candidate row
    row.deal, row.deal_id, row.floor, row.price, row.lease = -1, 0, 0, 0, 0
    for word in range(c.words.size()):
        bits = c.words[word]
        while bits:
            place = <int32_t>(word * 64) + __builtin_ctzll(bits)
            bits &= bits - 1
            line = &lines[place]
            if now_ns < line.start_ns or now_ns >= line.end_ns:
                if c.keep_reasons:
                    c.out("fit", place, -1, -1, "the campaign is not in flight now")
                continue
            for i in range(n_imps):
                if not imps[i].size_mask & line.size_mask and not c.keep_reasons:
                    continue  # none of its sizes is offered: one look instead of a loop
                for a in range(line.creatives, line.creatives + line.n_creatives):
                    if not imps[i].size_mask & slots[a].size_mask:
                        why = NO_SIZE
                    else:
                        why = misfit(&imps[i], &ads[slots[a].ad], sizes)
                    if why is NULL and c.rows.size() >= MOST_PAIRS:
                        why = b"more pairs match than are looked at, and this one bids least"
                    if why is not NULL:
                        if c.keep_reasons:
                            c.out("fit", place, slots[a].ad, <int>i, why.decode())
                        continue
                    row.imp, row.line, row.ad = <int32_t>i, place, slots[a].ad
                    c.rows.push_back(row)
    return c.rows.size()
