"""Bids in flight as they are written in Redis: members of the sorted set of a person, device or household.

A word is 25 bytes, little-endian: its state, the bid's id (8), then campaign, line item, advertiser and creative (4 each).
Whoever knows the bid can write its word, so a tracker needs no look-up to take it out. The state is `HELD`, or
`REPORTED` once a tracker was told of the impression and is about to count it.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy
from libcpp.vector cimport vector

from targeting.holds cimport ADVERTISER, CAMPAIGN, CREATIVE, LINE_ITEM, Shown

HELD, REPORTED = b"h", b"r"

cdef enum:
    SIZE = 25
    IDS_AT = 9


cdef bytes word_of(char state, Shown *shown, uint64_t bid):
    cdef bytes made = PyBytes_FromStringAndSize(NULL, SIZE)
    cdef char *at = PyBytes_AS_STRING(made)
    at[0] = state
    memcpy(at + 1, &bid, 8)
    memcpy(at + IDS_AT, shown.ids, 16)
    return made


cdef int gather_words(list words, uint64_t own, uint64_t n_own, vector[Shown] &found) except -1:
    cdef object each
    cdef const char *at
    cdef uint64_t bid
    cdef Shown shown
    for each in words:
        if type(each) is not bytes or PyBytes_GET_SIZE(each) != SIZE:
            continue
        at = PyBytes_AS_STRING(each)
        memcpy(&bid, at + 1, 8)
        if bid - own >= n_own:  # unsigned: ids before it are far away
            memcpy(shown.ids, at + IDS_AT, 16)
            found.push_back(shown)
    return 0


# for the tracker, tools and tests

def word(bytes state not None, uint64_t bid, uint32_t campaign, uint32_t line_item, uint32_t advertiser, uint32_t creative):
    """The word of a bid; ``state`` is `HELD` or `REPORTED`."""
    cdef Shown shown
    shown.ids[CAMPAIGN], shown.ids[LINE_ITEM] = campaign, line_item
    shown.ids[ADVERTISER], shown.ids[CREATIVE] = advertiser, creative
    return word_of(state[0], &shown, bid)


def bid_of(bytes word not None):
    """Whose word it is."""
    return int.from_bytes(word[1:IDS_AT], "little")


def is_reported(bytes word not None):
    """Whether a tracker was told of the impression."""
    return word[:1] == REPORTED


def unpacked(list words not None):
    """(campaign, line item, advertiser, creative) of each."""
    cdef vector[Shown] found
    cdef Shown one
    gather_words(words, 0, 0, found)
    return [(one.ids[CAMPAIGN], one.ids[LINE_ITEM], one.ids[ADVERTISER], one.ids[CREATIVE]) for one in found]
