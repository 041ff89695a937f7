"""How often one person, device or household sees an ad: caps over rolling windows, kept whatever happens at the same time.

What counts is the impressions in the records of the profile store, and the bids that are in flight: for all that this
worker knows each of them will be shown. They are held (`targeting.holds`) for all workers of the host from before the
bid is sent until its impression is counted, it is lost or it expires; in a fleet for all hosts (`bidder.fleet_holds`).
Two stages keep the caps:

- `frequency` takes out whose cap is reached, before anything is priced;
- `hold` holds what was chosen, and looks once more: another worker may have bid for the same person meanwhile.

Within a response the chosen bids count against each other, those of one imp too (`bidder.choose` and, for the breaks of
streams, `bidder.pod_rules` ask `History.has_room`).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from bidder.candidates cimport Candidate, Candidates, Held, keep
from bidder.expiry cimport expiry
from bidder.seller cimport Seller
from bidder.view cimport Ad, Cap, Line, View
from openrtb.request cimport Request
from targeting.held_words cimport gather_words
from targeting.holds cimport AUDIENCE, LINE_ITEM, Shown, monotonic_ns
from targeting.households cimport DEVICE_MARK, HOUSEHOLD_MARK, household_number, number
from targeting.joint_caps cimport capped_together
from targeting.record cimport capped_in, look

from targeting.holds import LINGER_S

MOST_STALE_S = LINGER_S // 2
"""Counted holds are kept longer than that for those whose records are from before: with older ones nothing is bid."""
GRACE_S = 5
"""A bid is held longer than it can be shown: notices are on their way for a while."""

cdef int64_t MOST_STALE_NS = MOST_STALE_S * <int64_t>1_000_000_000
cdef int GRACE = GRACE_S


cdef inline bint in_scope(View view, Cap *cap, Shown *shown) noexcept nogil:
    """Does a cap count this ad?"""
    if cap.level == AUDIENCE:
        return view.targets(cap.id, shown.ids[LINE_ITEM])
    return shown.ids[cap.level] == cap.id


cdef inline uint64_t mark(uint32_t id) noexcept nogil:
    """One bit of 64 for an id: where it is not set, the id was not met."""
    return <uint64_t>1 << (id & 63)


cdef class History:
    """``reader``: records by key (`targeting.profiles.Reader`); without one, nothing is known of devices and households.
    ``holds`` None: no bid in flight counts, as in a back-test. ``looking_only``: what is held counts, and nothing is held.
    ``fleet``: says what is held for a key, where that is done in Redis for all hosts (`bidder.fleet_holds`).
    """

    def __init__(self, reader=None, holds=None, looking_only=False, fleet=None):
        self.reader, self.holds, self.looking_only, self.fleet = reader, holds, looking_only, fleet
        self.full = 0

    def another(self):
        """For another request at the same time."""
        return History(self.reader, self.holds, self.looking_only, self.fleet)

    def counters(self, View view not None, Request r not None) -> list:
        """Keys of what the device and the household count for themselves, as far as this request may be decided by it:
        for a store that must be asked beforehand.
        """
        cdef list found = []
        cdef uint32_t house
        if view.units & (1 << DEVICE) and r.device:
            found.append(DEVICE_MARK | number(r.device))
        if view.units & (1 << HOUSEHOLD) and r.personal and not r.is_dooh:
            house = household_number(r.address)
            if house:
                found.append(HOUSEHOLD_MARK | house)
        return found

    cdef int begin(self, Request r) except -1:
        """For another request; not before something with a cap is met."""
        self.begun = True
        self.asked = self.unseen = 0
        self.held.clear()
        self.now_s = <uint32_t>(r.now_ns // 1_000_000_000)
        self.as_of_ns, self.stale = 0, False
        if self.holds is not None and self.reader is not None:
            self.as_of_ns = self.reader.taken_ns
            self.stale = monotonic_ns() - self.as_of_ns > MOST_STALE_NS
        return 0

    cdef int ask(self, int unit, Request r) except -1:
        """Makes one of the units known."""
        cdef Known *known = &self.known[unit]
        cdef bytes record = None
        cdef uint32_t house
        known.key, known.former = 0, 0
        # Nothing tells apart the devices of somebody who is known by an eid alone.
        if unit == PERSON or (unit == DEVICE and r.device == 0):
            known.key, known.former, record = r.person, r.former, r.record
        elif unit == DEVICE:
            known.key = DEVICE_MARK | number(r.device)
            record = self.device_record = self.reader.get(known.key) if self.reader is not None else None
        elif r.personal and not r.is_dooh:
            house = household_number(r.address)
            if house:
                r.household = known.key = HOUSEHOLD_MARK | house
                record = self.household_record = self.reader.get(known.key) if self.reader is not None else None
        self.point(known, record)
        self.look_again(known)
        if self.fleet is not None and known.key:
            gather_words(self.fleet.held(known.key), 0, 0, self.held)
            if known.former:
                self.former_words = self.fleet.held(known.former)
                gather_words(self.former_words, 0, 0, self.held)
            self.mark_held(known)
        self.asked = self.asked | 1 << unit
        if known.key and not self.stale and known.begin == known.end:
            if known.size == 0 or (known.whole and known.parts.n_scopes == 0):
                self.unseen = self.unseen | 1 << unit
        return 0

    cdef int point(self, Known *known, bytes record) except -1:
        """To a record that somebody keeps alive; None: there is none."""
        known.data = NULL
        known.size, known.whole = 0, False
        if record is not None:
            known.data, known.size = <const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record)
            known.whole = look(known.data, known.size, &known.parts)
        return 0

    cdef int ask_all(self, uint32_t units, Request r) except -1:
        cdef int unit
        if not self.begun:
            self.begin(r)
        for unit in range(N_UNITS):
            if units & ~self.asked & (1 << unit):
                self.ask(unit, r)
        return 0

    cdef void look_again(self, Known *known) noexcept nogil:
        """Finds what is held just now."""
        known.begin = self.held.size()
        if self.holds is not None and known.key:
            self.holds.gather(known.key, self.as_of_ns, self.held)
            if known.former:
                self.holds.gather(known.former, self.as_of_ns, self.held)
        self.mark_held(known)

    cdef void mark_held(self, Known *known) noexcept nogil:
        """Ends what is held of it, and marks the ids in it: of the many caps that are asked about, few meet one."""
        cdef size_t k
        cdef int level
        known.end = self.held.size()
        for level in range(AUDIENCE):
            known.marks[level] = 0
        for k in range(known.begin, known.end):
            for level in range(AUDIENCE):
                known.marks[level] |= mark(self.held[k].ids[level])

    cdef int64_t in_flight(self, View view, Cap *cap, Known *known) noexcept nogil:
        """How many of the bids held count against a cap."""
        cdef int64_t found = 0
        cdef size_t k
        cdef Shown *held
        if known.begin == known.end:
            return 0
        if cap.level == AUDIENCE:
            for k in range(known.begin, known.end):
                found += view.targets(cap.id, self.held[k].ids[LINE_ITEM])
        elif known.marks[cap.level] & mark(cap.id):
            held = &self.held[known.begin]
            for k in range(known.end - known.begin):
                found += held[k].ids[cap.level] == cap.id
        return found

    cdef int32_t reached(self, View view, int32_t caps, int32_t n_caps, int64_t others) noexcept nogil:
        cdef int32_t i
        cdef int64_t most
        cdef Cap *cap
        cdef Known *known
        cdef bint over
        for i in range(caps, caps + n_caps):
            cap = &view.caps[i]
            known = &self.known[cap.unit]
            if known.key == 0 or self.stale:
                return i
            most = <int64_t>cap.impressions - others - self.in_flight(view, cap, known)
            if cap.level == AUDIENCE:
                over = capped_together(known.data, known.size, &view.audience_lines[cap.id], most, cap.seconds, self.now_s)
            elif known.size == 0:
                over = most <= 0
            else:
                over = not known.whole or capped_in(&known.parts, cap.scope, most, cap.seconds, self.now_s)
            if over:
                return i
        return -1

    cdef bint has_room(self, Candidates c, View view, Candidate *row) noexcept nogil:
        cdef Line *line = &view.lines[row.line]
        cdef Ad *ad = &view.ads[row.ad]
        cdef int32_t i, end, others
        cdef size_t k
        cdef Shown shown
        cdef int turn
        for turn in range(2):
            i = line.caps if turn == 0 else ad.caps
            end = i + (line.n_caps if turn == 0 else ad.n_caps)
            while i < end:
                others = 0
                for k in range(c.chosen.size()):
                    shown = shown_by(view, &c.chosen[k])
                    others += in_scope(view, &view.caps[i], &shown)
                if others and self.reached(view, i, 1, others) >= 0:
                    return False
                i += 1
        return True


def frequency(Candidates c not None, View view not None, History history not None, Request r not None):
    """Takes out whose cap is reached; returns how many pairs are left.

    A line item with a cap is not shown where nobody knows whom it would be counted for: its cap could not be kept.
    """
    cdef size_t i, kept = 0, n = c.rows.size()
    cdef int32_t judged = -1, over = -1, over_ad
    cdef int64_t others = 0
    cdef Candidate *rows = c.rows.data()
    cdef Candidate *row
    cdef Line *lines = view.lines.data()
    cdef Ad *ads = view.ads.data()
    cdef Line *line
    cdef Ad *ad
    if not view.capping:
        return n
    history.begun, history.asked, history.unseen = False, 0, 0
    for i in range(n):
        row = &rows[i]
        if row.line != judged:  # pairs of one line item stand side by side
            judged, over = row.line, -1
            line = &lines[row.line]
            others = <int64_t>len(r.imp_ids) - 1 if line.roadblock else 0  # all its ads at once must be left
            if line.n_caps:
                if line.units & ~history.asked:
                    history.ask_all(line.units, r)
                if others or line.units & ~history.unseen:
                    over = history.reached(view, line.caps, line.n_caps, others)
        over_ad = over
        ad = &ads[row.ad]
        if over < 0 and ad.n_caps:
            if ad.units & ~history.asked:
                history.ask_all(ad.units, r)
            if others or ad.units & ~history.unseen:
                over_ad = history.reached(view, ad.caps, ad.n_caps, others)
        if over_ad < 0:
            kept = keep(c, i, kept)
        elif c.keep_reasons:
            c.out("frequency", row.line, row.ad, row.imp, why(history, view, over_ad))
    c.rows.resize(kept)
    return kept


cdef str why(History history, View view, int32_t cap):
    if history.stale:
        return f"the profiles are older than {MOST_STALE_S} seconds, so no cap can be kept"
    if history.known[view.caps[cap].unit].key == 0:
        return f"nobody knows who this is, and it has a frequency cap: {view.cap_texts[cap]}"
    return f"a frequency cap is reached: {view.cap_texts[cap]}"


def hold(Candidates c not None, View view not None, Seller seller not None, History history not None, Request r not None):
    """Holds the chosen bids for all who bid for the same person, and withdraws those for which others left no room in the
    meantime; returns how many are left. A test is held for nobody.
    """
    cdef size_t i, k, kept = 0, before
    cdef Candidate row
    cdef uint32_t units
    cdef bint held
    if not view.capping or r.test or history.holds is None or history.looking_only:
        return c.chosen.size()
    for i in range(c.chosen.size()):
        row = c.chosen[i]
        units = units_of(view, &row)
        before = c.held.size()
        held = not units or hold_one(c, view, seller, history, r, &row, units, kept)
        if held:
            c.chosen[kept] = row
            kept += 1
            continue
        for k in range(before, c.held.size()):
            history.holds.withdraw(c.held[k].bid)
        c.held.resize(before)
        if c.keep_reasons:
            c.out("frequency", row.line, row.ad, row.imp, "another bid for the same person was made just now")
        if c.all_or_none:
            for k in range(c.held.size()):
                history.holds.withdraw(c.held[k].bid)
            c.held.clear()
            kept = 0
            break
    c.chosen.resize(kept)
    return kept


cdef bint hold_one(
    Candidates c, View view, Seller seller, History history, Request r, Candidate *row, uint32_t units, size_t place
) noexcept nogil:
    """Held, and still within its caps? If not, what it holds is to be withdrawn."""
    cdef Line *line = &view.lines[row.line]
    cdef Ad *ad = &view.ads[row.ad]
    cdef Shown shown = shown_by(view, row)
    cdef int unit
    cdef Held held
    held.place = place
    for unit in range(N_UNITS):
        if not units & (1 << unit) or (unit == DEVICE and units & (1 << PERSON) and r.device == 0):
            continue
        held.bid = history.holds.take(history.known[unit].key, &shown, 0, expiry(seller, r, row.imp) + GRACE)
        if held.bid is NULL:
            history.full = history.full + 1
            return False
        c.held.push_back(held)
    for unit in range(N_UNITS):
        if units & (1 << unit):
            history.look_again(&history.known[unit])
    # Now the bid itself is among what is held, and must not stand in its own way.
    return (
        history.reached(view, line.caps, line.n_caps, -1) < 0 and history.reached(view, ad.caps, ad.n_caps, -1) < 0
    )
