from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.string cimport string
from libcpp.vector cimport vector

from bidder.facts cimport Facts
from openrtb.context cimport Context
from openrtb.request cimport Request
from targeting.matcher cimport Measures

cdef struct Candidate:
    int32_t imp            # place in Request.imps
    int32_t line           # place in View.lines
    int32_t ad             # place in View.ads
    int32_t variant        # place in Markups.variants: how the ad is written
    int32_t flex           # place in Request.flexes: the size by ratio that it fits; -1: it fits as it is
    int32_t deal           # place in Request.deals, -1 open auction
    uint32_t deal_id
    int64_t floor          # CPM micros of the exchange's currency
    int64_t price          # same; what we bid
    uint32_t lease         # set when the price was reserved
    uint32_t asides        # bit n: companion n of the ad has a place
    int32_t slot           # of a dynamic pod that it is only for: 1 first, -1 last, 0 any
    int32_t scored         # its row of Candidates.own; -1: nothing was predicted
    double ctr             # probability of a click; 0: no line item asked for it
    double cvr             # and that a click converts
    double shadow_ctr      # what the model in the shadow says
    int64_t value          # what the impression is worth, as ``price``; 0: the marketer said the price
    int64_t full_price     # ``price`` before shading
    bint explored          # the price was drawn so as to learn: of the ad's rates (``drawn``), or of prices
    bint drawn             # set where a strategy works the price out

cdef struct Held:          # against frequency caps, while it is in flight
    size_t place           # in Candidates.chosen
    uint64_t *bid          # where the bid's id is to be written, see targeting.holds

cdef class Candidates:
    """The pairs of impression and creative that are still in the race, and who went out where."""
    cdef vector[uint64_t] facts          # what targeting compares, dimension after dimension
    cdef int32_t offsets[42]             # where each dimension's begin, and the last one's end
    cdef readonly Measures measures      # and what it checks
    cdef readonly Context context        # what only targeting asks for
    cdef bint asked                      # anything is in it
    cdef vector[uint64_t] words          # the index's answer, a bit a line item
    cdef bint by_imp                     # it is another for each of Request.imps:
    cdef vector[uint64_t] imp_words      # these, one after the other
    cdef vector[int32_t] places          # of the line items that it names
    cdef vector[Candidate] rows          # still in
    cdef Facts person                    # what is known of them, as far as a line item asked for them (bidder.worth)
    cdef vector[const char *] verdicts   # of the block lists, an entry a brand
    cdef vector[int64_t] imp_floors      # of Request.imps, for bids without a deal and a length
    cdef vector[Candidate] chosen        # what will be bid
    cdef bint cut_short                  # a pod was too large to try everything
    cdef vector[Held] held               # of these, what other workers are told of
    cdef vector[uint64_t] bids           # their ids, if they had to be known before the answer is written
    cdef uint32_t parts                  # of openrtb.context.Part: what ``context`` holds of this request
    cdef vector[uint32_t] shared         # values that rows share which are scored in one call (bidder.feature_values)
    cdef vector[uint32_t] own            # and each row's own
    cdef vector[uint32_t] calls          # by row: which of the calls, so which block of ``shared``
    cdef uint32_t n_calls
    cdef uint32_t model, shadow_model    # versions of the models of clicks; 0: none
    cdef vector[uint64_t] factor_words   # which expressions of bid multipliers hold; of each of Request.imps,
    cdef size_t factor_stride            # so many words further on; 0: of all alike
    cdef readonly bint too_little        # a pair was worth less than its floor, whatever its pace
    cdef bint all_or_none                # they are to be won together, or not at all
    cdef public bint keep_reasons        # only when explaining
    cdef readonly list reasons           # (stage, line item place, creative place or -1, imp place or -1, why)
    cdef int out(self, str stage, int line, int ad, int imp, str why) except -1

cdef inline size_t keep(Candidates c, size_t i, size_t kept) noexcept nogil:
    """Row i stays in, as the one after the ``kept`` first ones; returns how many are kept now."""
    if i != kept:
        c.rows[kept] = c.rows[i]
    return kept + 1

cdef inline void append_values(Candidates c, const Candidate *row, string *out) noexcept nogil:
    """The values that a prediction of the row was made of: those that are shared, then its own."""
    cdef size_t n_shared = c.shared.size() // c.n_calls, n_own = c.own.size() // c.calls.size()
    out.append(<const char *>(c.shared.data() + c.calls[row.scored] * n_shared), n_shared * sizeof(uint32_t))
    out.append(<const char *>(c.own.data() + <size_t>row.scored * n_own), n_own * sizeof(uint32_t))

cdef inline bint promised(Candidates c, Request r, int32_t place) noexcept nogil:
    """Was a bid in a guaranteed deal chosen for the imp at this place of the request?"""
    cdef size_t i
    for i in range(c.chosen.size()):
        if r.imps[c.chosen[i].imp].place == place and c.chosen[i].deal >= 0 and r.deals[c.chosen[i].deal].guaranteed:
            return True
    return False

cdef inline uint64_t turn(uint64_t auction, Candidate *row) noexcept nogil:
    """A number that orders equal bids differently in each auction (Fibonacci hashing of ad and line item)."""
    return (
        auction ^ (<uint64_t>row.ad * <uint64_t>0x9E3779B97F4A7C15) ^ (<uint64_t>row.line << 32)
    ) * <uint64_t>0xD6E8FEB86659FD93
