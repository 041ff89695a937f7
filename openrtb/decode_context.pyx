"""Bytes of a bid request -> the facts that only targeting asks for.

There are two ways, as there are for the request itself (`openrtb.decode`), and a property test compares them.
"""

from libc.stdint cimport uint32_t
from openrtb.context cimport Context
from openrtb.fill_context cimport fill_context
from openrtb.request cimport Request
from openrtb.scan_context cimport scan_context


cdef int read_context(Context x, Request r, bytes body, uint32_t parts) except -1:
    x.forget()
    if r.model is None and scan_context(x, body, parts):
        return x.close()
    x.forget()
    return fill_context(x, r, body, parts)


def context_of(Request r not None, bytes body not None, uint32_t parts) -> Context:
    """Of a request that was decoded from these bytes; for tools and tests."""
    cdef Context x = Context()
    read_context(x, r, body, parts)
    return x


def context_through_model(Request r not None, bytes body not None, uint32_t parts) -> Context:
    """As `context_of`, by the typed model alone."""
    cdef Context x = Context()
    x.forget()
    fill_context(x, r, body, parts)
    return x


def scans(bytes body not None, uint32_t parts) -> bool:
    """Would these bytes be walked, or read through the model?"""
    cdef Context x = Context()
    x.forget()
    return scan_context(x, body, parts)
