"""Fit: which creatives of the matching line items can be shown in which impression, and in which of its formats."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bidder.candidates cimport Candidate, Candidates
from bidder.seller cimport Seller
from bidder.view cimport Ad, AsideAd, Line, Rendition, Slot, View
from openrtb.request cimport BANNER, NATIVE, Aside, Flex, Imp, Player, Request

from domain.creative import COMPANIONS_REQUIRED

cdef extern from *:
    int __builtin_ctzll(unsigned long long) nogil
    int __builtin_popcountll(unsigned long long) nogil
    void __builtin_prefetch(const void *) nogil

cdef enum:
    MOST_PAIRS = 512

MOST = MOST_PAIRS
"""More pairs than this are not looked at; line items come highest bid first, so what is left out bids least. Explained
and counted as such."""

cdef uint64_t SKIPPABLE = 1 << 16  # by its own markup: creative attribute 16
cdef uint32_t EVERY_ASIDE = 0xFFFFFFFF
cdef uint64_t STATIC_RESOURCE = 1 << 1  # companion type, AdCOM list "Companion Types"
cdef int ANY_ASIDE = COMPANIONS_REQUIRED.index("any")
cdef const char *NO_SIZE = b"size is not offered"
cdef const char *NO_FORMAT = b"format is not offered"


cdef inline const char *misfit(Imp *imp, Ad *ad) noexcept nogil:
    """What holds for every format: NULL if the creative can be shown in the impression, else why not."""
    if imp.secure and not ad.secure:
        return b"not all of it is HTTPS"
    if ad.apis & ~imp.apis:
        return b"it needs an API framework that is not supported (api)"
    return NULL


cdef inline bint stretches(uint32_t size, uint32_t ratio, int32_t min_width) noexcept nogil:
    """Does a place whose size is flexible take this one?"""
    return (
        (size >> 16) * (ratio & 0xFFFF) == (size & 0xFFFF) * (ratio >> 16) and <int32_t>(size >> 16) >= min_width
    )


cdef inline const char *misfit_banner(Imp *imp, Ad *ad, Request r, Candidate *row) noexcept nogil:
    cdef int32_t i
    cdef Flex *flex
    row.flex = -1
    for i in range(imp.sizes, imp.sizes + imp.n_sizes):
        if r.sizes[i] == ad.size:
            break
    else:
        for i in range(imp.flexes, imp.flexes + imp.n_flexes):
            flex = &r.flexes[i]
            if stretches(ad.size, flex.size, flex.min_width):
                row.flex = i
                break
        else:
            return NO_SIZE
    if imp.mimes and not imp.mimes & ad.mime:
        return b"content type is not taken (mimes)"
    if ad.expansions & ~imp.expansions:
        return b"it expands where the place may not (expdir)"
    return NULL


cdef const char *misfit_player(Imp *imp, Ad *ad, Request r, View view, Candidate *row) noexcept nogil:
    """Video and audio."""
    cdef Player *player = &r.players[imp.detail]
    cdef Rendition *rendition
    cdef int32_t i, want
    cdef bint shaped = False
    if player.n_lengths:
        for i in range(player.lengths, player.lengths + player.n_lengths):
            if <int64_t>r.lengths[i] * 1000 == ad.length_ms:
                break
        else:
            return b"its length is none of those asked for (rqddurs)"
    elif ad.length_ms < <int64_t>player.min_s * 1000:
        return b"it is shorter than allowed (minduration)"
    elif player.max_s and ad.length_ms > <int64_t>player.max_s * 1000:
        return b"it is longer than allowed (maxduration)"
    if player.pod_s and ad.length_ms > <int64_t>player.pod_s * 1000:
        return b"it is longer than the pod (poddur)"
    want = view.lines[row.line].pod_slot
    if want and player.slot != want and not (imp.dynamic and player.slot == 2):  # 2: first or last
        return b"the seller does not promise the place in the pod that it is for (slotinpod)"
    row.slot = want if imp.dynamic else 0
    if player.linearity > 1:
        return b"the ad must not be linear (linearity)"
    if player.skip == 0 and ad.attributes & SKIPPABLE:
        return b"the ad must not be skippable (skip)"
    if ad.inner and player.protocols and not ad.inner & player.protocols:
        return b"its VAST is of a version that is not supported (protocols)"
    if ad.n_asides:
        row.asides = asides_that_fit(player, ad, r, view)
        if ad.asides_required and not enough_asides(player, ad, row.asides):
            return b"companions that it cannot do without have no place (companionad, companiontype)"
    row.variant = -1
    for i in range(ad.variants, ad.variants + ad.n_variants):  # the newest comes last
        if view.markups.variants[i].protocols & player.protocols or (not player.protocols and i <= ad.usual):
            row.variant = i
    if row.variant < 0:
        return b"no version of VAST that it can be written in is supported (protocols)"
    for i in range(ad.renditions, ad.renditions + ad.n_renditions):
        rendition = &view.renditions[i]
        if not rendition.mime & imp.mimes:
            continue
        if player.deliveries and rendition.deliveries and not rendition.deliveries & player.deliveries:
            continue
        if rendition.kbps and (rendition.kbps < player.min_kbps or (player.max_kbps and rendition.kbps > player.max_kbps)):
            continue
        shaped = True
        if player.boxed or not player.width or not player.height or not rendition.width:
            return NULL
        if same_shape(rendition.width, rendition.height, player.width, player.height):
            return NULL
    if shaped:
        return b"its shape is another, and boxing is not allowed (boxingallowed)"
    return b"no file of it is taken (mimes, delivery, minbitrate, maxbitrate)"


cdef uint32_t asides_that_fit(Player *player, Ad *ad, Request r, View view) noexcept nogil:
    """Which of its companions have a place, as bits; all where the request does not speak of companions. They are
    images, which need no ``api``.
    """
    cdef uint32_t found = 0
    cdef AsideAd *ours
    cdef Aside *place
    cdef int32_t i, k
    if player.no_aside or (player.aside_types and not player.aside_types & STATIC_RESOURCE):
        return 0
    if not player.n_asides:
        return EVERY_ASIDE
    for i in range(ad.n_asides):
        ours = &view.asides[ad.asides + i]
        for k in range(player.asides, player.asides + player.n_asides):
            place = &r.asides[k]
            if place.mimes and not place.mimes & ours.mime:
                continue
            if stretches(ours.size, place.size, place.min_width) if place.min_width >= 0 else place.size == ours.size:
                found |= <uint32_t>1 << i
                break
    return found


cdef inline bint enough_asides(Player *player, Ad *ad, uint32_t found) noexcept nogil:
    """A place that nobody spoke of is none for a companion that must be shown."""
    cdef int32_t i
    if not player.n_asides or not found:
        return False
    if ad.asides_required == ANY_ASIDE:
        return True
    for i in range(ad.n_asides):
        if not found & (<uint32_t>1 << i):
            return False
    return True


cdef inline bint same_shape(int64_t w, int64_t h, int64_t width, int64_t height) noexcept nogil:
    """Are both as wide in relation to their height, within a hundredth?"""
    cdef int64_t off = w * height - width * h
    return (off if off > 0 else -off) * 100 <= w * height


cdef const char *unfit(Imp *imp, Ad *ad, Request r, View view, Seller seller, Candidate *row) noexcept:
    """NULL if the creative can be shown in the impression, else why not. Sets the row's variant."""
    cdef const char *why
    if imp.format != ad.format:
        return NO_FORMAT
    if not seller.bases[ad.format]:
        return b"the exchange bills nothing in this format"
    row.variant, row.flex, row.slot, row.asides = ad.variants, -1, 0, EVERY_ASIDE
    if ad.format == BANNER:
        why = misfit_banner(imp, ad, r, row)
    elif ad.format == NATIVE:
        why = view.natives.misfit(row.ad, <tuple>r.natives[imp.detail], &row.variant)
    else:
        why = misfit_player(imp, ad, r, view, row)
    return why if why is not NULL else misfit(imp, ad)


cdef int in_flight(Candidates c, View view, int64_t now_ns) except -1:
    """Sets the places of the matching line items whose campaign runs now. They lie scattered over the view, so what will be
    read next of each is fetched ahead: waiting for memory is otherwise half of the time spent here.
    """
    cdef size_t i, word, n = 0, kept = 0, n_words = c.words.size()
    cdef int32_t place
    cdef int32_t *places
    cdef uint64_t bits
    cdef Line *line
    cdef Line *lines = view.lines.data()
    cdef const Slot *slots = view.slots.data()
    for word in range(n_words):
        n += __builtin_popcountll(c.words[word])
    c.places.resize(n)
    places = c.places.data()
    n = 0
    for i in range(n_words):
        word = (i + view.first_later // 64) % n_words  # what came by changes first, for it may bid most
        bits = c.words[word]
        while bits:
            place = <int32_t>(word * 64) + __builtin_ctzll(bits)
            bits &= bits - 1
            __builtin_prefetch(&lines[place])
            places[n] = place
            n += 1
    for i in range(n):
        place = places[i]
        line = &lines[place]
        __builtin_prefetch(slots + line.slots)
        if line.start_ns <= now_ns < line.end_ns:
            places[kept] = place
            kept += 1
        elif c.keep_reasons:
            c.out("fit", place, -1, -1, "the campaign is not in flight now")
    c.places.resize(kept)
    return 0


def fit(Candidates c not None, View view not None, Seller seller not None, Request r not None):
    """Pairs the matching line items' creatives with the impressions they fit; returns how many pairs there are."""
    cdef size_t n, i, n_imps = r.imps.size(), n_rows = 0
    cdef int32_t slot
    cdef uint64_t offered, bit
    cdef Line *line
    cdef Ad *ads = view.ads.data()
    cdef Imp *imps = r.imps.data()
    cdef const Slot *slots = view.slots.data()
    cdef const char *why
    cdef Candidate found[MOST_PAIRS + 1]  # a pair is made where it is to stay, and stays if it fits
    cdef Candidate *row = found
    cdef int32_t place
    cdef bint explaining = c.keep_reasons, by_imp = c.by_imp
    view.natives.forget()
    in_flight(c, view, r.now_ns)
    for n in range(c.places.size()):
        place = c.places[n]
        line = &view.lines[place]
        for i in range(n_imps):
            offered = line.size_mask if explaining else line.size_mask & imps[i].size_mask
            if not offered:
                continue
            if by_imp and not c.imp_words[i * c.words.size() + (place >> 6)] >> (place & 63) & 1:
                if explaining:
                    c.out("fit", place, -1, <int>i, "its targeting does not want this impression")
                continue
            while offered:  # only sizes and formats that both have are looked at
                bit = offered & -offered
                offered ^= bit
                slot = line.slots + __builtin_popcountll(line.size_mask & (bit - 1))
                while slot >= 0:
                    row.imp, row.line, row.ad = <int32_t>i, place, slots[slot].ad
                    slot = slots[slot].next
                    why = unfit(&imps[i], &ads[row.ad], r, view, seller, row)
                    if why is NULL and n_rows >= MOST_PAIRS:
                        why = b"more pairs match than are looked at, and this one bids least"
                    if why is NULL:
                        row.deal, row.deal_id, row.floor, row.price, row.lease = -1, 0, 0, 0, 0
                        row.scored, row.explored = -1, False
                        row.ctr = row.cvr = row.shadow_ctr = 0.0
                        row.value = row.full_price = 0
                        row += 1
                        n_rows += 1
                    elif explaining:
                        c.out("fit", place, row.ad, row.imp, why.decode())
    c.rows.assign(<Candidate *>found, row)
    return n_rows
