# cython: overflowcheck=False, wraparound=True
"""The packed record of one person: what the bidder reads of them on every request, without decoding it.

Little-endian, no padding; entries of a part ascend by what they begin with::

    u8 version (2; 130: a merge) | u8 relations | u8 scores | u8 conversions     the header, 12 bytes: how many entries follow
    u16 segments | u16 scopes | u16 times | u16 hours
    relations   x (u32 advertiser, u8 stage, u32 since, u32 visited, u32 shown, u32 clicked)
    scores      x (u32 id, i32 value, u32 at)
    conversions x (u32 kind, u32 last, u16 count)
    segments    x (u32 audience, u32 expiry)
    scopes      x (u32 scope, u16 end of its times, u16 end of its hours)
                                                     both begin where those of the scope before it end
    times       x u32                                of a scope's newest impressions, ascending within their scope
    hours       x (20 bits hour, 12 bits count)      impressions before these, by the hour of the epoch; ascending

Times are unix seconds. A frequency window rolls: an impression at t is in a window of s seconds until t + s, exclusive,
so "3 in 24 hours" holds at every instant, not per calendar day. A cap of k needs only the k-th newest time, so the
newest `EXACT_IMPRESSIONS` make caps up to that exact; larger ones count older impressions by the hour, an hour for as
long as its last second is in the window. Writers change records with `targeting.record_editor`.

Of a person known by several keys this is the merge of what was learnt under each (`targeting.merge`), and under the
others lies an alias: u8 3 | u64 the person's key.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from typing import NamedTuple

NEVER = 0xFFFFFFFF
"""Expiry of a membership that does not end."""
ALL_EXPIRIES = -1
"""A time at which every membership is live."""
EXACT_IMPRESSIONS = 100
"""Newest times kept for a scope: caps up to this are exact at every second."""
MAX_IMPRESSIONS = 1_000
"""The largest cap."""
MAX_SECONDS = 30 * 86_400
"""How long impressions are kept; so the longest window of a cap."""
MAX_SCOPES = 500
"""Scopes remembered for one person; those shown longest ago are forgotten first."""
MAX_ENTRIES = 8_000
"""Times and hours of all scopes together: likewise."""
MAX_SEGMENTS = 0xFFFF
MAX_SMALL = 0xFF
"""Advertisers, scores and kinds of conversions remembered for one person; the oldest are forgotten first."""
MAX_SCOPE_ID = (1 << 29) - 1
OPT_OUT = 0
"""In place of an audience: its members opted out, and are not to be recognised. It does not expire."""


cdef bint look(const uint8_t *data, Py_ssize_t size, Parts *parts) noexcept nogil:
    if size < HEADER or (data[0] & ~JOINED) != VERSION:
        return False
    parts.n_relations, parts.n_scores, parts.n_conversions = data[1], data[2], data[3]
    parts.n_segments, parts.n_scopes, parts.n_times, parts.n_hours = u16(data + 4), u16(data + 6), u16(data + 8), u16(data + 10)
    parts.relations = data + HEADER
    parts.scores = parts.relations + RELATION * parts.n_relations
    parts.conversions = parts.scores + SCORE * parts.n_scores
    parts.segments = parts.conversions + CONVERSION * parts.n_conversions
    parts.scopes = parts.segments + SEGMENT * parts.n_segments
    parts.times = parts.scopes + SCOPE * parts.n_scopes
    parts.hours = parts.times + TIME * parts.n_times
    return size == parts.hours - data + HOUR * parts.n_hours


cdef inline int32_t find(const uint8_t *entries, int32_t count, int32_t width, uint32_t key) noexcept nogil:
    """Place of the entry that begins with ``key`` among entries in ascending order; -1: there is none."""
    cdef int32_t low = 0, high = count, middle
    while low < high:
        middle = (low + high) >> 1
        if u32(entries + width * middle) < key:
            low = middle + 1
        else:
            high = middle
    return low if low < count and u32(entries + width * low) == key else -1


cdef bint opted_out(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    cdef Parts parts
    if not look(data, size, &parts):
        return size > 0 and data[0] == 0
    return opted_out_in(&parts)


cdef bint opted_out_in(Parts *parts) noexcept nogil:
    return parts.n_segments > 0 and u32(parts.segments) == OPTED_OUT


cdef int segments(const uint8_t *data, Py_ssize_t size, int64_t now_s, vector[uint64_t] &out) noexcept nogil:
    cdef Parts parts
    return segments_in(&parts, now_s, out) if look(data, size, &parts) else 0


cdef int segments_in(Parts *parts, int64_t now_s, vector[uint64_t] &out) noexcept nogil:
    cdef int32_t i
    cdef int live = 0
    for i in range(parts.n_segments):
        if u32(parts.segments + SEGMENT * i + 4) > now_s:
            out.push_back(u32(parts.segments + SEGMENT * i))
            live += 1
    return live


cdef int stages(const uint8_t *data, Py_ssize_t size, vector[uint64_t] &out) noexcept nogil:
    cdef Parts parts
    cdef const uint8_t *entry
    cdef int32_t i
    cdef int count = 0
    if not look(data, size, &parts):
        return 0
    for i in range(parts.n_relations):
        entry = parts.relations + RELATION * i
        if entry[4]:
            out.push_back(<uint64_t>u32(entry) << 8 | entry[4])
            count += 1
    return count


cdef void read_relation(const uint8_t *entry, Relation *into) noexcept nogil:
    into.advertiser, into.stage, into.since = u32(entry), entry[4], u32(entry + 5)
    into.visited, into.shown, into.clicked = u32(entry + 9), u32(entry + 13), u32(entry + 17)


cdef bint relation(const uint8_t *data, Py_ssize_t size, uint32_t advertiser, Relation *found) noexcept nogil:
    cdef Parts parts
    cdef int32_t at = find(parts.relations, parts.n_relations, RELATION, advertiser) if look(data, size, &parts) else -1
    if at < 0:
        return False
    read_relation(parts.relations + RELATION * at, found)
    return True


cdef bint score(const uint8_t *data, Py_ssize_t size, uint32_t id, Score *found) noexcept nogil:
    cdef Parts parts
    cdef int32_t at = find(parts.scores, parts.n_scores, SCORE, id) if look(data, size, &parts) else -1
    if at < 0:
        return False
    found.value, found.at = <int32_t>u32(parts.scores + SCORE * at + 4), u32(parts.scores + SCORE * at + 8)
    return True


cdef bint converted(const uint8_t *data, Py_ssize_t size, uint32_t kind, Converted *found) noexcept nogil:
    cdef Parts parts
    cdef const uint8_t *entry
    cdef int32_t at = find(parts.conversions, parts.n_conversions, CONVERSION, kind) if look(data, size, &parts) else -1
    if at < 0:
        return False
    entry = parts.conversions + CONVERSION * at
    found.at, found.count = u32(entry + 4), u16(entry + 8)
    return True


cdef inline bint ends(Parts *parts, int32_t place, int32_t *begin, int32_t *end, int32_t *first, int32_t *last) noexcept nogil:
    """Where the times (begin, end) and hours (first, last) of a scope lie. False: they contradict the header."""
    cdef const uint8_t *entry = parts.scopes + SCOPE * place
    begin[0] = u16(entry - 4) if place else 0
    first[0] = u16(entry - 2) if place else 0
    end[0], last[0] = u16(entry + 4), u16(entry + 6)
    return begin[0] < end[0] <= parts.n_times and first[0] <= last[0] <= parts.n_hours


cdef bint capped(
    const uint8_t *data, Py_ssize_t size, uint32_t scope, int64_t impressions, int64_t seconds, int64_t now_s
) noexcept nogil:
    cdef Parts parts
    if impressions <= 0:
        return True
    if size == 0:
        return False
    return not look(data, size, &parts) or capped_in(&parts, scope, impressions, seconds, now_s)


cdef bint capped_in(Parts *parts, uint32_t scope, int64_t impressions, int64_t seconds, int64_t now_s) noexcept nogil:
    cdef int32_t place, begin, end, first, last, k
    cdef int64_t count
    if impressions <= 0:
        return True
    place = find(parts.scopes, parts.n_scopes, SCOPE, scope)
    if place < 0:
        return False
    if not ends(parts, place, &begin, &end, &first, &last):
        return True
    if end - begin >= impressions:
        return u32(parts.times + TIME * (end - impressions)) + seconds > now_s
    if first == last or u32(parts.times + TIME * begin) + seconds <= now_s:
        return False
    count = end - begin
    for k in range(last - 1, first - 1, -1):
        if (<int64_t>(u32(parts.hours + HOUR * k) >> 12) + 1) * 3600 - 1 + seconds <= now_s:
            break
        count += u32(parts.hours + HOUR * k) & 0xFFF
    return count >= impressions


cdef uint32_t last_shown(const uint8_t *data, Py_ssize_t size, uint32_t scope) noexcept nogil:
    cdef Parts parts
    cdef int32_t place, begin, end, first, last
    if size == 0:
        return 0
    if not look(data, size, &parts):
        return 0xFFFFFFFF
    place = find(parts.scopes, parts.n_scopes, SCOPE, scope)
    if place < 0:
        return 0
    if not ends(&parts, place, &begin, &end, &first, &last):
        return 0xFFFFFFFF
    return u32(parts.times + TIME * (end - 1))


class Standing(NamedTuple):
    """How a person stands with one advertiser; times are unix seconds, 0: never."""

    stage: int = 0
    """`domain.person.Stage`; 0: not known"""
    since_s: int = 0
    """When the stage was reached."""
    visited_s: int = 0
    """Last visit of the advertiser's pages."""
    shown_s: int = 0
    """Last impression of the advertiser's ads."""
    clicked_s: int = 0


class Scored(NamedTuple):
    value: int
    at_s: int
    """When it was computed."""


class Conversions(NamedTuple):
    last_s: int
    total: int
    """At most 65,535."""


def live_segments(const unsigned char[::1] data not None, int64_t now_s) -> list[int]:
    """Ids of the audiences that the person belongs to at ``now_s`` (unix seconds)."""
    cdef vector[uint64_t] out
    segments(&data[0] if data.shape[0] else NULL, data.shape[0], now_s, out)
    return list(out)


def is_member(const unsigned char[::1] data not None, uint32_t segment) -> bool:
    """Whether the person is a member of an audience, be the membership expired or not."""
    cdef Parts parts
    return (
        data.shape[0] > 0 and look(&data[0], data.shape[0], &parts)
        and find(parts.segments, parts.n_segments, SEGMENT, segment) >= 0
    )


def membership_end(const unsigned char[::1] data not None, uint32_t segment) -> int:
    """When the person's membership of an audience ends, or has ended (unix seconds; `NEVER`); 0: there is none."""
    cdef Parts parts
    cdef int32_t place = -1
    if data.shape[0] > 0 and look(&data[0], data.shape[0], &parts):
        place = find(parts.segments, parts.n_segments, SEGMENT, segment)
    return u32(parts.segments + SEGMENT * place + 4) if place >= 0 else 0


def is_met(const unsigned char[::1] data not None) -> bool:
    """Whether more is known of the person than the lists that they are on: an impression, a visit, a score …"""
    cdef Parts parts
    return data.shape[0] > 0 and look(&data[0], data.shape[0], &parts) and (
        parts.n_relations + parts.n_scores + parts.n_conversions + parts.n_scopes > 0
    )


def is_capped(
    const unsigned char[::1] data not None, uint32_t scope, int64_t impressions, int64_t seconds, int64_t now_s
) -> bool:
    """Whether one more impression at ``now_s`` would exceed ``impressions`` in the last ``seconds``; see ``.pxd``."""
    return bool(capped(&data[0] if data.shape[0] else NULL, data.shape[0], scope, impressions, seconds, now_s))


def last_impression(const unsigned char[::1] data not None, uint32_t scope) -> int:
    """Unix second of a scope's newest impression, 0: none; see ``last_shown`` in ``.pxd``."""
    return last_shown(&data[0] if data.shape[0] else NULL, data.shape[0], scope)


def standing(const unsigned char[::1] data not None, uint32_t advertiser) -> Standing | None:
    """How the person stands with an advertiser; None: nothing is known."""
    cdef Relation found
    if not relation(&data[0] if data.shape[0] else NULL, data.shape[0], advertiser, &found):
        return None
    return Standing(found.stage, found.since, found.visited, found.shown, found.clicked)


def stage_facts(const unsigned char[::1] data not None) -> list[int]:
    """``advertiser << 8 | stage`` for each advertiser that the person has a stage with."""
    cdef vector[uint64_t] out
    stages(&data[0] if data.shape[0] else NULL, data.shape[0], out)
    return list(out)


def scored(const unsigned char[::1] data not None, uint32_t id) -> Scored | None:
    """The person's score of this `domain.person.score_id`, if there is one."""
    cdef Score found
    if not score(&data[0] if data.shape[0] else NULL, data.shape[0], id, &found):
        return None
    return Scored(found.value, found.at)


def conversions_of(const unsigned char[::1] data not None, uint32_t kind) -> Conversions | None:
    """The person's conversions of this `domain.person.conversion_kind`, if there are any."""
    cdef Converted found
    if not converted(&data[0] if data.shape[0] else NULL, data.shape[0], kind, &found):
        return None
    return Conversions(found.at, found.count)


def campaign_scope(campaign: int) -> int:
    """The frequency scope of a campaign id. Raises ValueError if it is out of range."""
    return scope_campaign(checked(campaign))


def line_item_scope(line_item: int) -> int:
    """As `campaign_scope`, of a line item; and so on."""
    return scope_line_item(checked(line_item))


def advertiser_scope(advertiser: int) -> int:
    return scope_advertiser(checked(advertiser))


def creative_scope(creative: int) -> int:
    return scope_creative(checked(creative))


def audience_scope(audience: int) -> int:
    return scope_audience(checked(audience))


def checked(id: int) -> int:
    if not 0 <= id <= MAX_SCOPE_ID:
        raise ValueError(f"id {id} is out of range; frequency scopes take ids up to {MAX_SCOPE_ID}")
    return id
