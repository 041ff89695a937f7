"""HTTP as clients, proxies and attackers send it: what each is answered with, byte by byte."""

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.strangers.wire import chunked, request

OK, BAD, TOO_LARGE, NOT_JSON = 200, 400, 413, 415


class Exchange(NamedTuple):
    """``statuses`` are those of the answers, in order; a tuple in the place of one allows any of its own."""

    name: str
    sent: bytes | tuple[bytes, ...]
    """In parts, with a pause between them, if there are several."""
    statuses: tuple[int | tuple[int, ...], ...]
    ends: bool | None = False
    """Is the connection closed afterwards? None: it may be."""


def _head(*lines: str, to: str = "POST /openrtb2/usx HTTP/1.1") -> bytes:
    return "\r\n".join([to, "Host: x", *lines]).encode("latin-1") + b"\r\n\r\n"


def exchanges(document: Any) -> Iterator[Exchange]:
    """All of them, around one request that gets a bid."""
    body = json.dumps(document).encode()
    whole = request(body)
    yield Exchange("a request", whole, (OK,))
    yield Exchange("pipelined", whole * 30, (OK,) * 30)
    yield Exchange("pipelined with broken ones", (whole + request(body[:-9]) + request(b"")) * 8, (OK, BAD, BAD) * 8)
    yield from _in_parts(body, whole)
    yield from _bodies(body)
    yield from _packed(body)
    yield from _lengths(body, whole)
    yield from _heads(body, whole)
    yield from _targets(body)


def _in_parts(body: bytes, whole: bytes) -> Iterator[Exchange]:
    long = body[:-1] + b',"x":"' + b"y" * 100_000 + b'"}'
    head, _, _ = request(long).partition(b"\r\n\r\n")
    yield Exchange("a long body behind its head", (head + b"\r\n\r\n", long), (OK,))
    yield Exchange("a long body in three reads", (head + b"\r\n\r\n" + long[:9], long[9:50_000], long[50_000:]), (OK,))
    yield Exchange("a head in two reads", (head[:25], head[25:] + b"\r\n\r\n" + long), (OK,))
    yield Exchange("cut anywhere", tuple(whole[at : at + 97] for at in range(0, len(whole), 97)), (OK,))
    yield Exchange("a request and a half, and the rest", (whole + whole[:200], whole[200:]), (OK, OK))
    yield Exchange("a request and a part of a long one", (whole + head, b"\r\n\r\n" + long), (OK, OK))
    offer = whole.replace(b"Host:", b"Connection: Upgrade\r\nUpgrade: h2c\r\nHost:", 1)
    yield Exchange("another protocol offered, in two reads", (offer[:60], offer[60:] + whole), (OK, OK))
    behind = offer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    yield Exchange("another protocol offered, body behind", (behind, body, whole), (OK, OK))


def _bodies(body: bytes) -> Iterator[Exchange]:
    chunky = _head("Transfer-Encoding: chunked")
    for size in (1, 7, 1_000):
        yield Exchange(f"in chunks of {size}", chunky + chunked(body, size), (OK,))
    extended = b"%x;name=value\r\n%b\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(body), body)
    yield Exchange("a chunk with an extension, and a trailer", chunky + extended, (OK,))
    yield Exchange("no chunk", chunky + b"0\r\n\r\n", (BAD,))
    yield Exchange("a chunk of no size", chunky + b"zz\r\n", (BAD,), True)
    yield Exchange("a chunk of a negative size", chunky + b"-5\r\n", (BAD,), True)
    yield Exchange("a chunk of an endless size", chunky + b"f" * 40 + b"\r\n", (BAD,), True)
    for kind in (
        "application/json; charset=utf-8",
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
        "nonsense",
        "*/*",
    ):
        yield Exchange(f"Content-Type {kind!r}", request(body, content_type=kind), (OK,))
    for kind in ("application/x-protobuf", "application/octet-stream", "text/xml", "avro/binary"):
        yield Exchange(f"Content-Type {kind!r}", request(body, content_type=kind), (NOT_JSON,), True)
    yield Exchange("10 MB", request(b"[" + b'"x",' * 2_500_000 + b"0]"), (TOO_LARGE,), True)
    yield Exchange("10 MB in chunks", chunky + chunked(b" " * 10_000_000, 65_536), (TOO_LARGE,), True)
    yield Exchange("many bytes of nothing", request(b"\x00" * 200_000), (BAD,))


def _packed(body: bytes) -> Iterator[Exchange]:
    packed = gzip.compress(body)

    def sent(data: bytes, encoding: str = "gzip") -> bytes:
        return request(data, content_encoding=encoding)

    yield Exchange("gzip", sent(packed), (OK,))
    yield Exchange("GZIP", sent(packed, " GZIP "), (OK,))
    yield Exchange("x-gzip", sent(packed, "x-gzip"), (OK,))
    yield Exchange(
        "gzip in chunks", _head("Transfer-Encoding: chunked", "Content-Encoding: gzip") + chunked(packed, 100), (OK,)
    )
    yield Exchange("gzip in two members", sent(gzip.compress(body[:50]) + gzip.compress(body[50:])), (OK,))
    yield Exchange("gzip with zeros behind it", sent(packed + b"\x00" * 20), (OK,))
    yield Exchange("an answer in gzip", request(body, accept_encoding="br, gzip;q=0.8"), (OK,))
    yield Exchange("identity", sent(body, "identity"), (OK,))
    yield Exchange("no gzip at all", sent(body), (BAD,), True)
    yield Exchange("gzip untold", request(packed), (BAD,))
    for part in range(1, 20, 3):
        yield Exchange(f"gzip cut at {part}/20", sent(packed[: len(packed) * part // 20]), (BAD,), True)
    yield Exchange("gzip with a wrong checksum", sent(packed[:-8] + b"\x00" * 8), (BAD,), True)
    yield Exchange("gzip of nothing", sent(gzip.compress(b"")), (BAD,))
    yield Exchange("gzip of 10 MB", sent(gzip.compress(b" " * 10_000_000)), (TOO_LARGE,), True)
    yield Exchange("gzip of gzip of 1 GB", sent(_bomb()), (BAD,))
    for encoding in ("br", "deflate", "zstd", "gzip, gzip", "nonsense"):
        yield Exchange(f"Content-Encoding {encoding!r}", sent(zlib.compress(body), encoding), (NOT_JSON,), True)


def _bomb() -> bytes:
    """Gzip within gzip; only the outer one is told of, so only that may be unpacked."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    inner = b"".join([*(packer.compress(b"\x00" * (1 << 20)) for _ in range(100)), packer.flush()])
    return gzip.compress(inner)


def _lengths(body: bytes, whole: bytes) -> Iterator[Exchange]:
    for told in ("-1", "x", "1e3", "0x10", "99999999999999999999999", "5, 5", "1 2"):
        yield Exchange(f"Content-Length: {told}", request(body, content_length=told), (BAD,), True)
    yield Exchange("a length that is too short", request(body, content_length=str(len(body) - 5)), (BAD, BAD), True)
    yield Exchange("length 0", request(body, content_length="0"), (BAD, BAD), True)
    yield Exchange("no length", request(body, content_length=""), (BAD, BAD), True)
    yield Exchange("two lengths", whole.replace(b"Host:", b"Content-Length: 3\r\nHost:", 1), (BAD,), True)
    both = _head("Transfer-Encoding: chunked", f"Content-Length: {len(body)}") + chunked(body, 100)
    yield Exchange("length and chunks", both, (BAD,), True)
    yield Exchange("an unknown transfer coding", _head("Transfer-Encoding: nonsense") + body, (BAD,), True)


def _heads(body: bytes, whole: bytes) -> Iterator[Exchange]:
    def with_head(*lines: str) -> bytes:
        return _head(f"Content-Length: {len(body)}", *lines) + body

    yield Exchange("100 headers", with_head(*(f"X-Header-{n}: {n}" for n in range(100))), (OK,))
    yield Exchange("no headers", b"POST /openrtb2/usx HTTP/1.1\r\n\r\n", (BAD,))
    yield Exchange("a header of 12 KB", with_head("Cookie: " + "x" * 12_000), (OK,))
    yield Exchange("headers without end", _head(*(f"X-{n}: {'y' * 900}" for n in range(900))), ((BAD, 431),), True)
    yield Exchange("a header that is none", with_head("nonsense"), (BAD,), True)
    yield Exchange("a header with a NUL", with_head("X-A: a\x00b"), (BAD,), True)
    yield Exchange("a header beyond ASCII", with_head("X-A: ü", "X-OpenRTB-Version: 2.6"), (OK,))
    yield Exchange("a header on two lines", with_head("X-A: a\r\n b"), ((OK, BAD),), None)
    yield Exchange("Expect: 100-continue", with_head("Expect: 100-continue"), (100, OK))
    yield Exchange("Expect behind another request", whole + with_head("Expect: 100-continue"), (OK, 100, OK))
    yield Exchange("an unheard-of Expect", with_head("Expect: tea"), ((OK, 417),), None)
    for name in ("h2c", "websocket", "nonsense"):
        upgrade = with_head("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {name}", "HTTP2-Settings: AAMAAABkAAQ")
        yield Exchange(f"an offer to go on in {name}", upgrade + whole, (OK, OK))
    yield Exchange("Connection: close", with_head("Connection: close"), (OK,), True)
    yield Exchange("HTTP/1.0", whole.replace(b"HTTP/1.1", b"HTTP/1.0", 1), (OK,), True)
    kept = _head(f"Content-Length: {len(body)}", "Connection: keep-alive", to="POST /openrtb2/usx HTTP/1.0") + body
    yield Exchange("HTTP/1.0 kept", kept * 2, (OK, OK))
    yield Exchange("HTTP/0.9", b"GET /\r\n\r\n", ((BAD, 404),), None)
    yield Exchange("HTTP/3.0", whole.replace(b"HTTP/1.1", b"HTTP/3.0", 1), (BAD,), True)
    yield Exchange("HTTP/2 at once", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 30, (BAD,), True)
    yield Exchange("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)), (BAD,), True)
    yield Exchange("nonsense", b"\x00\xff\r\n\r\n" * 20, (BAD,), True)
    yield Exchange("lines before it", b"\r\n\r\n" + whole, (OK,))


def _targets(body: bytes) -> Iterator[Exchange]:
    def to(target: str, method: str = "POST") -> bytes:
        return _head(f"Content-Length: {len(body)}", to=f"{method} {target} HTTP/1.1") + body

    yield Exchange("a query", to("/openrtb2/usx?source=a&b=%20"), (OK,))
    for target in ("/", "/openrtb2", "/openrtb2/", "/openrtb2/nobody", "/openrtb2/usx/", "//openrtb2/usx",
                   "/openrtb2/USX",
                   "/openrtb2/../openrtb2/usx", "/openrtb2/%00", "/bid", "/?/openrtb2/usx", "*"):  # fmt: skip
        yield Exchange(f"POST {target}", to(target), (404,))
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"):
        yield Exchange(method, to("/openrtb2/usx", method), (405,))
    yield Exchange("post", to("/openrtb2/usx", "post"), (BAD,), True)
    yield Exchange("an unheard-of method", to("/openrtb2/usx", "BREW"), (BAD,), True)
    yield Exchange("CONNECT", b"CONNECT bidder:443 HTTP/1.1\r\nHost: bidder:443\r\n\r\n", ((404, 405, BAD),), None)
    yield Exchange("a URL of 100 KB", to("/openrtb2/" + "x" * 100_000), (BAD,), True)
    yield Exchange("a URL beyond ASCII", to("/openrtb2/ü\xff"), ((404, BAD),), None)
    yield Exchange("a URL with a space", to("/openrtb2/us x"), (BAD,), True)
