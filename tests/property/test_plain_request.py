"""Requests that are read in one go (`bidder.plain_request`) are understood as httptools understands them: the same
reads, each with its first byte given before the others, must lead to the same calls and the same answers. Of those the
parser reads everything, since what has begun is never plain.
"""

import asyncio
from types import SimpleNamespace
from typing import cast

from hypothesis import event, given, settings
from hypothesis import strategies as st

from bidder.config import BidderSettings
from bidder.http import BidConnection
from bidder.service import Service
from bidder.tally import Tally
from tests.examples import examples


class Peer:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written, self.closed = b"", False

    def write(self, data: bytes) -> None:
        self.written += data

    def write_eof(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


class Told:
    """A service that notes what it is asked, and answers with a text that differs from request to request."""

    def __init__(self) -> None:
        self.settings = BidderSettings(max_body_bytes=3_000, gzip_answers_above=40)
        self.now, self.draining, self.refused = 1.0, False, 0
        self.connections: set[object] = set()
        self.calls: list[tuple[bytes, ...]] = []

    def connected(self, connection: BidConnection) -> bool:
        return True

    def took_long(self, tally: Tally, ns: int) -> None:
        pass

    def respond(self, connection: BidConnection, method: bytes, url: bytes, body: bytes) -> bytes:
        self.calls.append((method, url, body, connection.secret, connection.forwarded))
        connection.tally = Tally("x")
        return connection.encode(b"answer %d to %b " % (len(self.calls), url) * 3)


USUAL = [
    b"Host: bid.example:8080", b"Content-Type: application/json", b"content-type:application/json",
    b"x-openrtb-version: 2.6", b"Accept-Encoding: gzip, deflate", b"accept-encoding: br", b"X-Outbid-Secret: s3cret",
    b"x-forwarded-for: 192.0.2.1, 10.0.0.1", b"User-Agent: exchange/1.0 (+https://x.example)", b"ACCEPT: */*",
]  # fmt: skip
ODD = [
    b"Connection: close", b"Connection: keep-alive", b"Expect: 100-continue", b"Content-Type: text/plain",
    b"Content-Type: application/x-protobuf", b"Content-Encoding: gzip", b"Content-Encoding: identity", b"X-Empty:",
    b"X-Spaces:   a  ", b"X-Tab:\ta", b"X-Folded: a\r\n b", b"X-High: \xe9", b"X-Bell: \x07", b"No colon here",
    b"Transfer-Encoding: chunked", b"Content-Length: 3", b"X-Outbid-Secret: another", b"Bad Name: 1", b": nameless",
    b"Proxy-Connection: close", b"Keep-Alive: timeout=5", b"X-Line: a\nb", b"Content-Length: 03", b"content-length:+3",
]  # fmt: skip
PATHS = [
    b"/openrtb2/usx", b"/openrtb2/usx?a=1&b=%20", b"/", b"/x y", b"/\xe9", b"/a#b", b"//x", b"*", b"http://h/p",
    b"/" + b"u" * 2_050,
]  # fmt: skip
WRONG = [b"", b"\x00", b" ", b"\r", b"\n", b":", b"a"]


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    odd = draw(st.integers(0, 3)) == 0
    method = draw(st.sampled_from([b"POST", b"GET", b"PUT", b"post"])) if odd else b"POST"
    path = draw(st.sampled_from(PATHS)) if odd else b"/openrtb2/usx"
    version = draw(st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2"])) if odd else b"HTTP/1.1"
    body = draw(st.binary(min_size=0, max_size=60)) * draw(st.sampled_from([1, 1, 60]))
    headers = draw(st.lists(st.sampled_from(USUAL), max_size=6))
    if draw(st.integers(0, 9)):
        name = draw(st.sampled_from([b"Content-Length: ", b"content-length:", b"CONTENT-LENGTH: "]))
        headers.insert(draw(st.integers(0, len(headers))), name + str(len(body)).encode())
    if odd:
        headers.insert(draw(st.integers(0, len(headers))), draw(st.sampled_from(ODD)))
    whole = b" ".join((method, path, version)) + b"\r\n" + b"".join(each + b"\r\n" for each in headers) + b"\r\n" + body
    if odd and draw(st.booleans()):
        place = draw(st.integers(0, len(whole) - len(body) - 1))
        whole = whole[:place] + draw(st.sampled_from(WRONG)) + whole[place + 1 :]
    return whole


def given_in(reads: list[bytes]) -> SimpleNamespace:
    service, peer = Told(), Peer()
    connection = BidConnection(cast(Service, service))
    connection.connection_made(cast(asyncio.Transport, peer))
    for read in reads:
        connection.data_received(read)
    return SimpleNamespace(calls=service.calls, written=peer.written, closed=peer.closed, began=bool(connection.began))


@given(st.lists(requests(), min_size=1, max_size=4), st.data())
@settings(max_examples=examples(750), deadline=None)
def test_read_in_one_go_it_is_the_same(sent: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=2)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True) if a < b]
    expected = given_in([part for piece in pieces for part in (piece[:1], piece[1:]) if part])
    assert given_in(pieces) == expected
    event(f"{len(expected.calls)} requests understood")
