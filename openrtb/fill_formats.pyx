"""The formats that an imp offers, from the typed model: one row of the compiled request each.

A format that lacks what it must have (a video without ``mimes``, a native without a request) is no offer.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from openrtb.fill_floors cimport fill_length_floors
from openrtb.request cimport (
    AUDIO, BANNER, NATIVE, VIDEO, Imp, Player, Request, clear_imp, clear_player, cpm_micros, exact, mime_bit,
)


cdef int fill_banner(Request r, Imp row, object banner) except -1:
    if banner is None:
        return 0
    row.format = BANNER
    read_banner(r, &row, banner)
    r.add_imp(&row)
    return 0


cdef int read_banner(Request r, Imp *row, object banner) except -1:
    row.battr = mask_of(banner.battr)
    row.btype = mask_of(banner.btype)
    row.apis = mask_of(banner.api)
    row.expansions = mask_of(banner.expdir)
    row.mimes = mimes_of(banner.mimes)
    row.sizes = <int32_t>r.sizes.size()
    row.flexes = <int32_t>r.flexes.size()
    if banner.format is not None:
        for item in banner.format:
            if item.w is not None and item.h is not None:
                r.add_size(item.w, item.h)
            elif item.wratio is not None and item.hratio is not None:
                r.add_flex(item.wratio, item.hratio, whole(item.wmin))
    row.n_sizes = <int32_t>r.sizes.size() - row.sizes
    row.n_flexes = <int32_t>r.flexes.size() - row.flexes
    if not row.n_sizes and not row.n_flexes and banner.w is not None and banner.h is not None:
        r.add_size(banner.w, banner.h)
        row.n_sizes = <int32_t>r.sizes.size() - row.sizes
    return 0


cdef int fill_video(Request r, Imp row, object video) except -1:
    cdef Player player
    if video is None:
        return 0
    clear_player(&player)
    player.linearity = whole(video.linearity)
    if video.skip is not None:
        player.skip = video.skip
    player.width = whole(video.w)
    player.height = whole(video.h)
    player.boxed = video.boxingallowed is None or video.boxingallowed != 0
    row.format = VIDEO
    row.dedupe = mask_of(video.poddedupe)
    player.protocols = mask_of(video.protocols)
    if not player.protocols and video.protocol is not None and video.protocol >= 0:
        player.protocols = <uint64_t>1 << <int>min(video.protocol, 63)
    return fill_player(r, row, &player, video)


cdef int fill_audio(Request r, Imp row, object audio) except -1:
    cdef Player player
    if audio is None:
        return 0
    clear_player(&player)
    row.format = AUDIO
    player.protocols = mask_of(audio.protocols)
    return fill_player(r, row, &player, audio)


cdef int fill_player(Request r, Imp row, Player *player, object offer) except -1:
    """What video and audio have in common."""
    cdef Imp aside
    row.mimes = mimes_of(offer.mimes)
    row.battr = mask_of(offer.battr)
    row.apis = mask_of(offer.api)
    player.min_s = whole(offer.minduration)
    player.max_s = whole(offer.maxduration)
    player.min_kbps = whole(offer.minbitrate)
    player.max_kbps = whole(offer.maxbitrate)
    player.deliveries = mask_of(offer.delivery)
    player.pod_s = whole(offer.poddur)
    player.pod_ads = whole(offer.maxseq)
    player.slot = whole(offer.slotinpod)
    player.asides = <int32_t>r.asides.size()
    player.aside_types = mask_of(offer.companiontype)
    if offer.companionad is not None:
        for banner in offer.companionad:
            clear_imp(&aside)
            read_banner(r, &aside, banner)
            r.add_asides(&aside)
    player.n_asides = <int32_t>r.asides.size() - player.asides
    player.no_aside = offer.companionad is not None and player.n_asides == 0
    r.close_pod(&row, player, exact(offer.podid) if offer.podid else 0)
    player.floor_per_s = cpm_micros(offer.mincpmpersec) if offer.mincpmpersec is not None else 0
    player.floors = <int32_t>r.length_floors.size()
    fill_length_floors(&r.length_floors, offer.durfloors)
    player.n_floors = <int32_t>r.length_floors.size() - player.floors
    player.lengths = <int32_t>r.lengths.size()
    if offer.rqddurs is not None:
        for length in offer.rqddurs:
            r.lengths.push_back(<int32_t>length)
    player.n_lengths = <int32_t>r.lengths.size() - player.lengths
    if not row.mimes or player.floor_per_s < 0:
        return 0
    row.detail = <int32_t>r.players.size()
    r.players.push_back(player[0])
    r.add_imp(&row)
    return 0


cdef int fill_native(Request r, Imp row, object native) except -1:
    if native is None or not native.request:
        return 0
    row.format = NATIVE
    row.battr = mask_of(native.battr)
    row.apis = mask_of(native.api)
    row.detail = <int32_t>len(r.natives)
    r.natives.append((native.request, native.ver or ""))
    r.add_imp(&row)
    return 0


cdef inline int32_t whole(object number) except? -1:
    return <int32_t>number if number is not None else 0


cdef uint32_t mimes_of(list mimes) except? 0:
    cdef uint32_t bits = 0
    if mimes is not None:
        for mime in mimes:
            bits |= mime_bit(mime)
    return bits


cdef uint64_t mask_of(list numbers) except? 0:
    """List of small enumeration values -> bit mask. A value that no list has is one that nothing of ours is: the last bit."""
    cdef uint64_t mask = 0
    cdef long n
    if numbers is not None:
        for item in numbers:
            n = item
            if n >= 0:
                mask |= <uint64_t>1 << min(n, 63)
    return mask
