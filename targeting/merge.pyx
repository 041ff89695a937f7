"""A person known by several keys: what lies in the profile store under each of them.

Every key has a *part*, the record of what was learnt under it. Under the person's own key lies the merge of all parts,
marked as one, and under each other key an alias, which names the person's. Both can be written anew from the parts.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from targeting.record cimport ALIAS, ALIAS_SIZE, JOINED, VERSION, alias_of, is_joined
from targeting.record_editor cimport Editor

cdef Editor merging = Editor()
cdef Editor one = Editor()


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
            merging.unite(one)
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
