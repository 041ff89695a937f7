from libc.stdint cimport int32_t

from bidder.markups cimport Markups

cdef class Natives:
    """The native ads of a view, and how each answers the native requests that were met."""
    cdef Markups markups
    cdef readonly dict creatives   # place in View.ads -> domain.creative.Creative
    cdef dict answers              # (place, native request) -> place of a variant, or bytes that say why not
    # ``request`` is one of Request.natives. NULL, and the variant is set; or why the ad cannot answer the request.
    cdef const char *misfit(self, int32_t ad, tuple request, int32_t *variant) noexcept
