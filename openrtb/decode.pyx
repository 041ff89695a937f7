"""Bytes of a bid request -> the compiled `Request`.

A clean request is scanned as it lies (`openrtb.scan`); whatever the scanner calls odd is read through the typed model,
which is the reference. Both ways give the same request; a property test compares them.
"""

from libc.stdint cimport int64_t
from openrtb.fill cimport fill
from openrtb.request cimport Request
from openrtb.scan cimport ODD, scan

from openrtb.parse import decode_strictly, parse


def decode(Request r not None, bytes body not None, object exchange, int64_t now_ns):
    """Fills ``r``; returns 0, or the no-bid reason of a request (or of all its imps) that nobody can bid on.

    ``exchange`` is the `domain.exchange.Exchange`. Raises `openrtb.parse.Malformed` for what is no bid request.
    """
    cdef int outcome
    r.begin(exchange, now_ns)
    outcome = scan(r, body, exchange)
    if outcome != ODD:
        return outcome
    return decode_through_model(r, body, exchange, now_ns)


def decode_through_model(Request r not None, bytes body not None, object exchange, int64_t now_ns):
    """As `decode`, by the typed model alone."""
    r.begin(exchange, now_ns)
    try:
        model = decode_strictly(body)
    except Exception:  # whatever is odd about it, the lenient reading mends or names it
        model = parse(body)
    return fill(r, model, exchange)


def scans(bytes body not None, object exchange):
    """Would these bytes be read by the scanner? For tests and measurements."""
    cdef Request r = Request()
    r.begin(exchange, 0)
    return scan(r, body, exchange) != ODD
