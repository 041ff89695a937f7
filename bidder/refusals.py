"""Whole HTTP answers without a bid, as bytes.

OpenRTB wants no body with an error (2.1), so the reason travels in a header.
"""

from functools import cache

BAD_REQUEST = b"400 Bad Request"
FORBIDDEN = b"403 Forbidden"
NOT_FOUND = b"404 Not Found"
WRONG_METHOD = b"405 Method Not Allowed\r\nAllow: POST"
BODY_TOO_LARGE = b"413 Content Too Large"
UNSUPPORTED_TYPE = b"415 Unsupported Media Type"
HEADERS_TOO_LARGE = b"431 Request Header Fields Too Large"

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@cache
def no_content(reason: int) -> bytes:
    """204, a no-bid without a body; the header says the reason's code."""
    return b"HTTP/1.1 204 No Content\r\nX-Outbid-No-Bid: %d\r\n\r\n" % reason


def text(status: bytes, body: bytes, kind: bytes = b"text/plain; charset=utf-8") -> bytes:
    """A small page for operators (health, metrics)."""
    return b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (status, kind, len(body), body)


def refusal(status: bytes, why: str) -> bytes:
    """An error without a body; ``X-Outbid-Error`` says why, in printable ASCII and at most 300 characters."""
    printable = why.encode("ascii", "backslashreplace").decode()
    cleaned = "".join(c if " " <= c <= "~" else " " for c in printable)[:300]
    return b"HTTP/1.1 %b\r\nX-Outbid-Error: %b\r\nContent-Length: 0\r\n\r\n" % (status, cleaned.encode())
