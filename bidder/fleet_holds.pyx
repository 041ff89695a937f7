"""Holding a fleet's bids: in Redis, for the workers of all hosts, while the auction is set aside.

`to_hold` says what is to be held for the chosen bids, under ids that they get for it. Redis adds them to what is held of
the same persons, devices and households, and tells all of it together with their records (`targeting.redis_holds.TAKE`);
`held` takes out the bids for which others had left no room by then. Nothing that has a cap is bid on less than that.
"""

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from bidder.candidates cimport Candidate, Candidates
from bidder.expiry cimport expiry
from bidder.frequency cimport DEVICE, N_UNITS, PERSON, History, Known, shown_by, units_of
from bidder.seller cimport Seller
from bidder.view cimport Ad, Line, View
from openrtb.request cimport Request
from targeting.held_words cimport gather_words, word_of
from targeting.holds cimport Shown

from bidder.frequency import GRACE_S
from targeting.redis_lookup import NOT_HELD

cdef int GRACE = GRACE_S


def to_hold(
    Candidates c not None, View view not None, Seller seller not None, History history not None, Request r not None,
    answer not None,
):
    """Words for each key, each followed by its milliseconds; None: nothing that was chosen has a cap, or counts."""
    cdef dict asked = {}
    cdef list words
    cdef size_t i
    cdef int unit
    cdef uint32_t units, all_units = 0
    cdef uint64_t first, key
    cdef Shown shown
    if not view.capping or r.test or history.looking_only:
        return None
    for i in range(c.chosen.size()):
        all_units |= units_of(view, &c.chosen[i])
    if not all_units:
        return None
    first = answer.draw(c.chosen.size())
    for i in range(c.chosen.size()):
        c.bids.push_back(first + i)
        units, shown = units_of(view, &c.chosen[i]), shown_by(view, &c.chosen[i])
        for unit in range(N_UNITS):
            if not units & (1 << unit) or (unit == DEVICE and units & (1 << PERSON) and r.device == 0):
                continue
            key = history.known[unit].key
            words = asked.get(key)
            if words is None:
                words = asked[key] = []
            words.append(word_of(c"h", &shown, first + i))
            words.append((expiry(seller, r, c.chosen[i].imp) + GRACE) * 1_000)
    return asked


def held(Candidates c not None, View view not None, History history not None, dict answers not None):
    """Takes out the chosen bids whose caps are reached without them, as what Redis answered for each key shows it: the
    record, and the words of all that is held. Returns how many are left.
    """
    cdef vector[Candidate] rows = c.chosen
    cdef vector[uint64_t] bids = c.bids
    cdef Line *line
    cdef Ad *ad
    cdef size_t i
    look_again(history, answers, bids[0], bids.size())
    c.chosen.clear()
    c.bids.clear()
    for i in range(rows.size()):
        line, ad = &view.lines[rows[i].line], &view.ads[rows[i].ad]
        # The bid itself is not among what is held here, nor are those of the same answer, which `has_room` counts.
        if (
            history.reached(view, line.caps, line.n_caps, 0) < 0 and history.reached(view, ad.caps, ad.n_caps, 0) < 0
            and history.has_room(c, view, &rows[i])
        ):
            c.chosen.push_back(rows[i])
            c.bids.push_back(bids[i])
        elif c.all_or_none:
            c.chosen.clear()
            c.bids.clear()
            break
    return c.chosen.size()


cdef int look_again(History history, dict answers, uint64_t own, uint64_t n_own) except -1:
    """Makes known what was answered, without our own bids."""
    cdef Known *known
    cdef int unit
    cdef tuple answer
    history.answers = answers
    history.held.clear()
    for unit in range(N_UNITS):
        known = &history.known[unit]
        known.begin = known.end = history.held.size()
        if not history.asked & (1 << unit) or known.key == 0:
            continue
        answer = answers.get(known.key, NOT_HELD)
        history.point(known, <bytes?>answer[0] if answer[0] is not None else None)
        gather_words(<list?>answer[1], own, n_own, history.held)
        if known.former:
            gather_words(history.former_words, own, n_own, history.held)
        history.mark_held(known)
    return 0
