"""Filling the compiled request from the typed model: the reference, and the way of every request that is odd."""

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libcpp.vector cimport vector
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from cython_ext.json_cursor cimport Text
from openrtb.domains cimport add_domains
from openrtb.fill_floors cimport fill_length_floors, floor_per_second
from openrtb.fill_formats cimport fill_audio, fill_banner, fill_native, fill_video
from openrtb.person_ids cimport fill_eids, name_person
from openrtb.request cimport (
    DNT, LMT, Deal, Imp, Request, bounded_multiplier, clear_imp, cpm_micros, currency_code, exact, folded, host_of,
    seconds,
)

from openrtb.nobid import NoBidReason
from openrtb.validate import imp_defect, request_defect

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object)

cdef int INVALID = NoBidReason.INVALID_REQUEST
cdef int NO_FORMAT = NoBidReason.NO_FORMAT
cdef uint32_t USD = currency_code("USD")


cdef int fill(Request r, object model, object exchange) except -1:
    """0, or the no-bid reason of a request that contradicts itself or offers nothing. ``r`` is empty (`begin`)."""
    r.model = model
    r.id = model.id
    r.hash = exact(r.id)
    if model.at is not None and model.at > 0:
        r.auction_type = model.at
    if model.tmax is not None:
        r.tmax = model.tmax
    r.test = model.test == 1
    fill_signals(r, model)
    r.all_imps = model.allimps == 1
    fill_admission(r, model, exchange)
    fill_device(r, model.device)
    fill_person(r, model, exchange.key)
    fill_blocks(r, model)
    fill_inventory(r, model)
    fill_chain(r, model)
    defect = request_defect(model)
    if defect is not None:
        note(model, str(defect))
        return INVALID
    return fill_imps(r, model, exchange.seat)


cdef int note(object model, str words) except -1:
    """For those who ask why: what `openrtb.validate` found."""
    model.repairs = [*(model.repairs or []), words]
    return 0


cdef int fill_signals(Request r, object model) except -1:
    """Of privacy. What is said in two places (``regs`` and ``regs.ext``) counts in the first that says anything."""
    device, regs, user = model.device, model.regs, model.user
    r.lent = model
    if device is not None:
        if device.lmt is not None and device.lmt > 0:
            r.signals |= LMT
        if device.dnt is not None and device.dnt > 0:
            r.signals |= DNT
    if user is not None:
        lend(&r.consent, user.consent or (user.ext.consent if user.ext is not None else None))
    if regs is None:
        return 0
    ext = regs.ext
    lend(&r.us_privacy, regs.us_privacy or (ext.us_privacy if ext is not None else None))
    lend(&r.gpp, regs.gpp or (ext.gpp if ext is not None else None))
    for section in regs.gpp_sid or (ext.gpp_sid if ext is not None else None) or ():
        r.apply_section(section)
    r.close_signals(
        regs.coppa or 0,
        regs.gdpr or (ext.gdpr if ext is not None else None) or 0,
        regs.gpc or (ext.gpc if ext is not None else None) or 0,
    )
    return 0


cdef int lend(Text *out, str text) except -1:
    """The model keeps ``text`` alive."""
    if text is not None:
        out.start = PyUnicode_AsUTF8AndSize(text, &out.size)
    return 0


cdef int fill_admission(Request r, object model, object exchange) except -1:
    cdef uint32_t ours = currency_code(exchange.currency)
    if model.cur:
        r.currency_allowed = False
        for text in model.cur:
            if currency_code(text) == ours:
                r.currency_allowed = True
    seat = exchange.seat
    r.seat_allowed = not (model.wseat and seat not in model.wseat) and not (model.bseat and seat in model.bseat)
    return 0


cdef int fill_imps(Request r, object model, str seat) except -1:
    cdef Imp row
    cdef int32_t place = -1
    cdef bint defective = False
    cdef size_t rows, domains, floors
    for imp in model.imp:
        place += 1
        clear_imp(&row)
        row.place = place
        r.imp_ids.append(imp.id)
        defect = imp_defect(imp)
        if defect is not None:
            note(model, f"imp[{place}].{defect}; no bid on it")
            defective = True
            continue
        floor = imp.bidfloor
        row.floor = cpm_micros(floor) if floor is not None else 0
        currency = imp.bidfloorcur
        row.currency = currency_code(currency) if currency is not None else USD
        row.secure = imp.secure == 1
        row.exp = seconds(imp.exp) if imp.exp is not None else 0
        if imp.qty is not None and imp.qty.multiplier is not None:
            row.multiplier = bounded_multiplier(cpm_micros(imp.qty.multiplier))
        row.interstitial = imp.instl == 1
        rows, domains, floors = r.imps.size(), r.deal_domains.size(), r.deal_floors.size()
        row.deals = <int32_t>r.deals.size()
        pmp = imp.pmp
        row.private_auction = pmp is not None and pmp.private_auction == 1
        if pmp is not None and pmp.deals is not None:
            for deal in pmp.deals:
                fill_deal(r, deal, seat)
        row.n_deals = <int32_t>r.deals.size() - row.deals
        fill_banner(r, row, imp.banner)
        fill_video(r, row, imp.video)
        fill_audio(r, row, imp.audio)
        fill_native(r, row, imp.native)
        if r.imps.size() == rows:  # its deals are nobody's
            r.deals.resize(row.deals)
            r.deal_domains.resize(domains)
            r.deal_floors.resize(floors)
            del r.deal_codes[row.deals:]
    return 0 if r.imps.size() else INVALID if defective else NO_FORMAT


cdef int fill_deal(Request r, object deal, str seat) except -1:
    cdef Deal row
    floor = deal.bidfloor
    row.floor = cpm_micros(floor) if floor is not None else 0
    if row.floor < 0:
        return 0
    row.has_floor = floor is not None
    row.floor_per_s = floor_per_second(deal)
    row.floors = <int32_t>r.deal_floors.size()
    fill_length_floors(&r.deal_floors, deal.durfloors)
    row.n_floors = <int32_t>r.deal_floors.size() - row.floors
    row.guaranteed = deal.guar == 1
    row.code = exact(deal.id)
    currency = deal.bidfloorcur
    row.currency = currency_code(currency) if currency is not None else USD
    at = deal.at
    row.auction_type = at if at is not None else 0
    wseat = deal.wseat
    row.open_to_us = not wseat or seat in wseat
    row.domains = <int32_t>r.deal_domains.size()
    add_names(&r.deal_domains, deal.wadomain)
    row.n_domains = <int32_t>r.deal_domains.size() - row.domains
    r.deals.push_back(row)
    r.deal_codes.append(deal.id)
    return 0


cdef int fill_inventory(Request r, object model) except -1:
    cdef str name = None
    cdef Py_ssize_t size
    cdef const char *raw
    r.is_app = model.site is None and model.app is not None
    place = model.app if r.is_app else model.site
    if place is None:
        if model.dooh is not None:
            name_screen(r, model.dooh)
        return 0
    if r.is_app:
        name = place.bundle or place.domain or place.id
    else:
        name = place.domain or host_of(place.page) or place.id
    fill_publisher(r, place)
    fill_categories(r, place.cat)
    fill_categories(r, place.sectioncat)
    fill_categories(r, place.pagecat)
    if place.content is not None:
        fill_categories(r, place.content.cat)
    if name:
        r.site_name = name.lower()
        r.site = folded(name)
        r.sites.push_back(r.site)
        if not r.is_app and PyUnicode_IS_ASCII(name):
            raw = PyUnicode_AsUTF8AndSize(name, &size)
            r.add_parents(raw, size)
    return 0


cdef int name_screen(Request r, object dooh) except -1:
    cdef str name = dooh.domain or dooh.id or dooh.name
    r.is_dooh = True
    if dooh.publisher is not None and dooh.publisher.id:
        r.publisher = exact(dooh.publisher.id)
    if dooh.content is not None:
        fill_categories(r, dooh.content.cat)
    if name:
        r.site_name = name.lower()
        r.site = folded(name)
        r.sites.push_back(r.site)
    return 0


cdef int fill_publisher(Request r, object place) except -1:
    publisher = place.publisher
    if publisher is not None and publisher.id:
        r.publisher = exact(publisher.id)
    if place.inventorypartnerdomain:
        r.partner = folded(place.inventorypartnerdomain)
    if r.is_app:
        domain = place.domain or (publisher.domain if publisher is not None else None)
        if domain:
            r.app_domain = folded(domain)
    return 0


cdef int fill_chain(Request r, object model) except -1:
    """``source.schain``, else ``source.ext.schain``, where it was before 2.6, else ``ext.schain``, before 2.5."""
    cdef Py_ssize_t size = 0
    cdef const char *version = NULL
    source = model.source
    chain = source.schain if source is not None else None
    if chain is None and source is not None and source.ext is not None:
        chain = source.ext.schain
    if chain is None and model.ext is not None:
        chain = model.ext.schain
    if chain is None:
        return 0
    if chain.nodes is not None:
        for node in chain.nodes:
            r.add_node(
                folded(node.asi) if node.asi is not None else 0, exact(node.sid) if node.sid is not None else 0,
                node.hp is None or node.hp == 1,
            )
    if chain.ver is not None:
        version = PyUnicode_AsUTF8AndSize(chain.ver, &size)
    r.end_chain(chain.complete == 1, version, size)
    return 0


cdef int fill_categories(Request r, list categories) except -1:
    return add_with_parents(&r.categories, categories)


cdef int add_with_parents(vector[uint64_t] *names, list texts) except -1:
    """Name ids, and of what comes before the first hyphen: ``IAB1-2`` is in ``IAB1``, ``en-GB`` is spoken in ``en``."""
    cdef str text
    if texts is not None:
        for text in texts:
            names.push_back(folded(text))
            dash = text.find("-")
            if dash > 0:
                names.push_back(folded(text[:dash]))
    return 0


cdef int fill_device(Request r, object device) except -1:
    if device is None:
        return 0
    r.user_agent, r.os_text, r.address = device.ua, device.os, device.ip or device.ipv6 or None
    if device.geo is not None:
        r.place = (device.geo.country, device.geo.region, device.geo.city)
    if device.language is not None:
        r.language = folded(device.language[:2])
    if device.devicetype is not None and 0 < device.devicetype < 256:
        r.device_type = device.devicetype
    return 0


cdef int fill_person(Request r, object model, str exchange) except -1:
    """The keys by which we may know this person, as `domain.naming.person_key` makes them."""
    cdef uint64_t ifa = 0, buyeruid = 0, user_id = 0
    if model.dooh is not None:
        return 0  # a screen in a public place is nobody's device
    if model.device is not None and model.device.ifa and (<str>model.device.ifa).strip("0-"):
        ifa = exact("ifa:" + (<str>model.device.ifa).lower())
    user = model.user
    if user is not None:
        if user.buyeruid:
            buyeruid = exact("buyeruid:" + exchange + ":" + <str>user.buyeruid)
        if user.id:
            user_id = exact("user:" + exchange + ":" + <str>user.id)
        fill_eids(r, user.eids)
        if user.ext is not None:
            fill_eids(r, user.ext.eids)
    name_person(r, ifa, buyeruid, user_id)
    return 0


cdef int fill_blocks(Request r, object model) except -1:
    add_names(&r.bcat, model.bcat)
    add_names(&r.acat, model.acat)
    add_domains(&r.badv, model.badv)
    add_names(&r.bapp, model.bapp)
    add_names(&r.tongues, model.wlang)
    add_with_parents(&r.tongues, model.wlangb)
    if model.cattax is not None:
        r.taxonomy = model.cattax
    return 0


cdef int add_names(vector[uint64_t] *names, list texts) except -1:
    if texts is not None:
        for text in texts:
            names.push_back(folded(text))
    return 0
