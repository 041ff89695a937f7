from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from bidder.candidates cimport Candidate, Candidates
from bidder.view cimport Cap, Line, View
from openrtb.request cimport Request
from targeting.holds cimport ADVERTISER, AUDIENCE, CAMPAIGN, CREATIVE, LINE_ITEM, Holds, Shown
from targeting.record cimport Parts

cdef enum:                # units: places in domain.frequency.UNITS: whose impressions a cap counts
    PERSON
    DEVICE
    HOUSEHOLD
    N_UNITS

cdef struct Known:        # of one of them, as far as it was asked about
    uint64_t key          # in the profile store; 0: nobody knows which this is
    uint64_t former       # key that bids may still be held under, from before it was joined; 0: none
    const uint8_t *data   # the record; NULL: none
    Py_ssize_t size
    Parts parts           # of the record, if it is whole
    bint whole
    size_t begin, end     # slice of History.held
    uint64_t marks[AUDIENCE]  # ids in it, a set of bits a level

cdef inline Shown shown_by(View view, Candidate *row) noexcept nogil:
    cdef Shown shown
    cdef Line *line = &view.lines[row.line]
    shown.ids[CAMPAIGN], shown.ids[LINE_ITEM], shown.ids[ADVERTISER] = line.campaign, line.id, line.advertiser
    shown.ids[CREATIVE] = view.ads[row.ad].id
    return shown

cdef inline uint32_t units_of(View view, Candidate *row) noexcept nogil:
    """Whose impressions the row's caps count, a bit a unit."""
    return view.lines[row.line].units | view.ads[row.ad].units

cdef class History:
    """What the person of this request, their device and their household have seen, and what is bid for them just now."""
    cdef Holds holds
    cdef readonly object fleet  # where a fleet's bids are held
    cdef object reader
    cdef bytes device_record, household_record  # keep the bytes alive that ``known`` points to
    cdef dict answers         # and so does this: what was told by the fleet's holds
    cdef list former_words    # what the fleet held under a person's former key, once it was an alias: no more is held there
    cdef bint begun           # this request's records were asked for
    cdef uint32_t asked       # bit u: unit u was asked about
    cdef uint32_t unseen      # bit u: it is known, has seen nothing in 30 days, and nothing is bid for it: no cap is reached
    cdef Known known[N_UNITS]
    cdef vector[Shown] held
    cdef int64_t as_of_ns     # impressions counted before then are in the records
    cdef uint32_t now_s
    cdef readonly bint looking_only
    cdef readonly bint stale  # the records are too old to go by
    cdef readonly int full    # bids that were not made since the table of holds was full

    cdef int begin(self, Request r) except -1
    cdef int ask(self, int unit, Request r) except -1
    cdef int ask_all(self, uint32_t units, Request r) except -1
    cdef int point(self, Known *known, bytes record) except -1
    cdef void look_again(self, Known *known) noexcept nogil
    cdef void mark_held(self, Known *known) noexcept nogil
    cdef int64_t in_flight(self, View view, Cap *cap, Known *known) noexcept nogil

    # The first cap of a slice of View.caps that is reached if ``others`` more ads of its scope are shown before; -1: none.
    cdef int32_t reached(self, View view, int32_t caps, int32_t n_caps, int64_t others) noexcept nogil

    # Do the caps have room for this one beside what was chosen for the same response?
    cdef bint has_room(self, Candidates c, View view, Candidate *row) noexcept nogil
