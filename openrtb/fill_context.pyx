"""What only targeting asks for, from the typed model; ``ext.data``, which is no field of it, from the document."""

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libcpp.vector cimport vector
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from openrtb.context cimport OF_DEVICE, OF_IMPS, OF_PLACE, OF_USER, Context, ImpContext
from openrtb.context_values cimport add_pairs, packed_version, plcmt_of, postcode_id, split_text
from openrtb.request cimport Request, exact, folded

import json

import orjson

from openrtb.parse import parse

NO_IFA = "00000000-0000-0000-0000-000000000000"


cdef int fill_context(Context x, Request r, bytes body, uint32_t parts) except -1:
    model = r.model if r.model is not None else parse(body)
    document = document_of(body)
    if parts & (OF_DEVICE | OF_USER) and model.device is not None:
        fill_device(x, model.device)
    if parts & OF_PLACE and model.site is not None:
        fill_place(x, model.site, data_in(document.get("site")))
        x.page = model.site.page.encode() if model.site.page else None
    if parts & OF_PLACE and model.app is not None:
        fill_place(x, model.app, data_in(document.get("app")))
    if parts & OF_USER and model.user is not None:
        fill_user(x, model.user, data_in(document.get("user")))
    if parts & OF_IMPS:
        written = document.get("imp")
        if not isinstance(written, list) or len(written) != len(model.imp):
            written = [None] * len(model.imp)
        for imp, as_written in zip(model.imp, written):
            fill_imp(x, imp, data_in(as_written))
    return x.close()


cdef int fill_device(Context x, object device) except -1:
    cdef Py_ssize_t size
    cdef const char *raw
    geo = device.geo
    x.make, x.model = name_of(device.make), name_of(device.model)
    x.carrier = name_of(device.carrier)
    if device.osv:
        raw = PyUnicode_AsUTF8AndSize(device.osv, &size)
        x.os_version = packed_version(raw, size)
    x.connection = device.connectiontype or 0
    x.ifa = bool(device.ifa) and device.ifa != NO_IFA
    if geo is None:
        return 0
    x.metro = name_of(geo.metro)
    if geo.zip:
        raw = PyUnicode_AsUTF8AndSize(geo.zip, &size)
        x.postcode = postcode_id(raw, size)
    x.clocked = geo.utcoffset is not None
    x.utc_offset = geo.utcoffset or 0
    x.located = geo.lat is not None and geo.lon is not None
    x.latitude, x.longitude = geo.lat or 0, geo.lon or 0
    return 0


cdef int fill_place(Context x, object place, object data) except -1:
    content = place.content
    words_of(place.keywords, place.kwarray, &x.keywords)
    add_pairs(data, &x.pairs)
    if content is not None:
        words_of(content.keywords, content.kwarray, &x.keywords)
        words_of(content.genre, content.genres, &x.genres)
        x.content_rating = name_of(content.contentrating)
        x.content_language = folded(content.language[:2]) if content.language else 0
    return 0


cdef int fill_user(Context x, object user, object data) except -1:
    x.buyeruid, x.user_id = bool(user.buyeruid), bool(user.id)
    x.year_of_birth = user.yob or 0
    x.gender = name_of(user.gender)
    words_of(user.keywords, user.kwarray, &x.user_keywords)
    for eid in [*(user.eids or ()), *((user.ext.eids if user.ext is not None else None) or ())]:
        if eid.source and eid.uids:
            x.sources.push_back(folded(eid.source))
    add_pairs(data, &x.user_pairs)
    return 0


cdef int fill_imp(Context x, object imp, object data) except -1:
    cdef ImpContext row
    row.tag = exact(imp.tagid) if imp.tagid else 0
    row.rewarded = imp.rwdd == 1
    row.banner_position = (imp.banner.pos or 0) if imp.banner is not None else 0
    row.video_position = row.video_placement = 0
    if imp.video is not None:
        row.video_position = imp.video.pos or 0
        row.video_placement = plcmt_of(imp.video.plcmt or 0, imp.video.placement or 0)
    row.pairs = <int32_t>x.imp_pairs.size()
    add_pairs(data, &x.imp_pairs)
    row.n_pairs = <int32_t>x.imp_pairs.size() - row.pairs
    x.imps.push_back(row)
    return 0


cdef dict document_of(bytes body):
    """As `openrtb.parse` reads it, characters that are none included; empty where nothing can be read."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            document = json.loads(body.decode("utf-8-sig", "replace"))
        except (ValueError, RecursionError):
            return {}
    return document if isinstance(document, dict) else {}


cdef uint64_t name_of(object text) except? 0:
    return folded(<str>text) if text else 0


cdef int words_of(object text, object several, vector[uint64_t] *words) except -1:
    if text:
        split_text(<str>text, words)
    for one in several or ():
        split_text(<str>one, words)
    return 0


cdef object data_in(object holder):
    """``ext.data`` of an object of the document, if it is there."""
    ext = holder.get("ext") if isinstance(holder, dict) else None
    return ext.get("data") if isinstance(ext, dict) else None
