from libc.stdint cimport int64_t, uint32_t, uint64_t
from libcpp.string cimport string
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector
from openrtb.privacy cimport Policy

cdef class Seller:
    """An exchange as the stages read it."""
    cdef readonly object exchange
    cdef readonly int id, place, network_ms
    cdef vector[string] win_query           # what notices tell: [2 * format], and [… + 1] on screens in public places
    cdef vector[string] billing_query
    cdef vector[string] pixel_query
    cdef string loss_query
    cdef readonly bint tells_win, tells_loss  # does it call nurl, lurl?
    cdef readonly int qps                   # requests a second that are looked at; 0: all
    cdef int expiries[4]                    # by format
    cdef readonly int64_t fee_ppm           # that the exchange charges on top of its price
    cdef string click_macro                 # goes before our click URL
    cdef int click_escapes                  # and how often that is percent-encoded then
    cdef string bid_ext                     # ``"ext":{...},`` of every bid, or nothing
    cdef readonly object adapter            # openrtb.adapters.adapter.Adapter
    cdef readonly bint narrows              # does the adapter read the request's extensions?
    cdef readonly bint reviews              # is there a creative that must not be shown on it?
    cdef int bases[4]                       # by format: the Kind that books; 0: none does, and nothing is bid
    cdef Policy policy                      # what privacy signals leave
    cdef readonly uint32_t currency
    cdef readonly uint64_t ads_domain       # name id; 0: not known
    cdef readonly str currency_name
    cdef readonly bytes head
    cdef unordered_map[uint32_t, int64_t] floor_rates  # currency -> exchange nanos for 10⁹ nanos of it

# (bid in the exchange's currency, account nanos for 10⁹ exchange nanos, rate id) for ``media`` account nanos.
cdef tuple price_on(Seller seller, str account, object media, dict rates)
