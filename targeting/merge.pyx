"""A person known by several keys: what lies in the profile store under each of them.

Every key has a *part*, the record of what was learnt under it. Under the person's own key lies the merge of all parts,
marked as one, and under each other key an alias, which names the person's. Both can be written anew from the parts.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from libcpp.vector cimport vector

from targeting.record cimport ALIAS, ALIAS_SIZE, JOINED, VERSION, Relation, alias_of, is_joined
from targeting.record_editor cimport Editor, ScoreRow, SegmentRow

from targeting import record

cdef size_t MOST_SEGMENTS = record.MAX_SEGMENTS

cdef Editor merging = Editor()
cdef Editor one = Editor()


cdef void unite(Editor into, Editor other) noexcept nogil:
    """Adds what was learnt of the same person under another key. In whatever order several are added, the outcome is the
    same (short of the limits of a record, where the oldest is forgotten).
    """
    cdef size_t i, k
    cdef Relation *row
    cdef Relation *own
    cdef ScoreRow *score
    unite_segments(into, other)
    for i in range(other.relations.size()):
        row = &other.relations[i]
        own = into.with_advertiser(row.advertiser)
        if row.since > own.since or (row.since == own.since and row.stage > own.stage):
            own.stage, own.since = row.stage, row.since
        own.visited, own.shown, own.clicked = max(own.visited, row.visited), max(own.shown, row.shown), max(own.clicked, row.clicked)
    k = 0
    for i in range(other.scores.size()):
        score = &other.scores[i]
        while k < into.scores.size() and into.scores[k].id < score.id:
            k += 1
        if (
            k == into.scores.size() or into.scores[k].id != score.id or into.scores[k].at < score.at
            or (into.scores[k].at == score.at and into.scores[k].value < score.value)
        ):
            into.put_score(score.id, score.value, score.at)
    for i in range(other.conversions.size()):
        into.put_conversions(other.conversions[i].kind, other.conversions[i].last, other.conversions[i].count, True)
    into.counters.unite(other.counters)


cdef void unite_segments(Editor into, Editor other) noexcept nogil:
    """Each until the later end; as many as a record holds."""
    cdef vector[SegmentRow] out
    cdef size_t i = 0, k = 0
    while (i < into.segments.size() or k < other.segments.size()) and out.size() < MOST_SEGMENTS:
        if k == other.segments.size() or (i < into.segments.size() and into.segments[i].id < other.segments[k].id):
            out.push_back(into.segments[i])
            i += 1
        elif i == into.segments.size() or other.segments[k].id < into.segments[i].id:
            out.push_back(other.segments[k])
            k += 1
        else:
            out.push_back(into.segments[i] if into.segments[i].expires > other.segments[k].expires else other.segments[k])
            i += 1
            k += 1
    into.segments.swap(out)


def merge(parts) -> bytes:
    """The record of a person of whom ``parts`` were learnt under their keys (bytes; None or none at all for nothing).

    Audiences until the later end, all impressions and conversions, the newest stage, visit, click and score. A part that
    is no record says nothing.
    """
    cdef bytes packed, part
    cdef uint8_t *into
    merging.clear()
    for part in list(parts):  # whole before it begins: another thread may merge while a generator reads
        if part is None or PyBytes_GET_SIZE(part) == 0:
            continue
        if one.read(<const uint8_t *>PyBytes_AS_STRING(part), PyBytes_GET_SIZE(part)):
            unite(merging, one)
    packed = PyBytes_FromStringAndSize(NULL, merging.size())
    into = <uint8_t *>PyBytes_AS_STRING(packed)
    merging.write(into)
    into[0] = VERSION | JOINED
    return packed


def impressions_of(bytes record) -> bytes:
    """A record with the impressions of another and nothing else; no bytes if there are none."""
    cdef bytes packed
    if not one.read(<const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record)) or one.counters.scopes.empty():
        return b""
    one.relations.clear()
    one.scores.clear()
    one.conversions.clear()
    one.segments.clear()
    packed = PyBytes_FromStringAndSize(NULL, one.size())
    one.write(<uint8_t *>PyBytes_AS_STRING(packed))
    return packed


def alias(uint64_t person) -> bytes:
    """What lies under another key of the person with this key."""
    cdef uint8_t raw[ALIAS_SIZE]
    raw[0] = ALIAS
    memcpy(raw + 1, &person, 8)
    return raw[:ALIAS_SIZE]


def aliased(bytes record) -> int:
    """Key of the person that an alias names; 0 for what is none, None included."""
    if record is None:
        return 0
    return alias_of(<const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record))


def joined(bytes record) -> bool:
    """Whether the person has several keys, so that what lies here is no record to be changed: a merge, or an alias."""
    if record is None:
        return False
    return bool(
        is_joined(<const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record))
        or alias_of(<const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record))
    )
