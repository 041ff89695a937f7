"""The HTTP of the bid port: one protocol object a connection, answers written in the order of the requests.

httptools (llhttp) parses; requests of one read are answered with one write, so pipelining costs nothing extra. Every
limit that a careless or hostile peer could exceed is checked here: sizes, times, headers, and how late we run.
"""

import re
import zlib

import httptools

from bidder.http_answer cimport last_of_all, written
from bidder.plain_request cimport PlainRequest, Span, read_plain
from bidder.tally cimport Tally, now_ns
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t

from bidder.refusals import (
    BAD_REQUEST,
    BODY_TOO_LARGE,
    CONTINUE,
    HEADERS_TOO_LARGE,
    UNSUPPORTED_TYPE,
    refusal,
)

MAX_URL = 2_048
MAX_HEADER_BYTES = 16_384
"""Of headers that do not end with the read they began in; a single read is bounded by the event loop (256 KiB)."""
READ_HEADERS = frozenset(
    (b"accept-encoding", b"content-encoding", b"content-type", b"x-outbid-secret", b"x-forwarded-for", b"expect", b"upgrade")
)
UPGRADE = re.compile(rb"(?i)\nupgrade[ \t]*:")
MOST_MEMBERS = 16
"""Of a gzip stream (RFC 1952, 2.2), beside the first; each costs a copy of what is left."""
GZIP = b"\x1f\x8b"
NOT_JSON = (b"protobuf", b"avro", b"thrift", b"octet-stream", b"xml")
"""Content types that surely hold no JSON; others, and none at all, are read as JSON (OpenRTB 2.3)."""

cdef enum:
    LONG_NS = 2_000_000     # an answer that took no longer is in time for every exchange


cdef class BidConnection:
    """One connection of an exchange: an asyncio Protocol, compiled because its callbacks are most of the work there is."""

    cdef object service, parser, refused
    cdef readonly object transport
    cdef list out, chunks
    cdef bytes url, encoding
    cdef bytes head         # of a request whose headers have not all come yet, if nothing stands before it
    cdef readonly bytes secret
    cdef Py_ssize_t size, header_bytes, most_bytes
    cdef bint closing       # the answer being written is this connection's last
    cdef bint lingering     # refused in the middle of a request: what still comes is read and thrown away, since closing
                            # at once would reset the connection before the peer has read why
    cdef bint heading       # its headers have not all come yet
    cdef bint takes_gzip
    cdef bint upgrading     # the request offers to go on in another protocol
    cdef public bytes forwarded
    cdef readonly int awaited       # answers in ``out`` that are yet to come
    cdef readonly double began  # when the request now arriving began (service time); 0 between requests
    cdef double last
    cdef public Tally tally     # of the exchange that the request being answered came from; None: of none that is known
    cdef int64_t read_ns        # when the last read came

    def __init__(self, service):
        self.service = service
        self.parser = httptools.HttpRequestParser(self)
        self.transport = None
        self.out = []
        self.refused = None
        self.closing = self.lingering = False
        self.most_bytes = service.settings.max_body_bytes
        self.began = 0.0
        self.last = service.now
        self.read_ns = 0
        self.begin()

    cdef void begin(self):
        self.url = self.encoding = self.secret = self.forwarded = self.head = b""
        self.chunks = []
        self.size = self.header_bytes = 0
        self.takes_gzip = self.upgrading = False
        self.heading = True
        self.tally = None

    # asyncio

    def connection_made(self, transport):
        self.transport = transport
        if not self.service.connected(self):
            transport.close()

    def connection_lost(self, exc):
        self.service.connections.discard(self)

    def eof_received(self):
        return None  # the transport closes itself

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()

    def data_received(self, bytes data):
        cdef bint begun = self.began and self.heading
        cdef Py_ssize_t read
        if self.closing:
            return
        self.read_ns = now_ns()
        if not self.began:
            read = self.answer_plain(data)
            if read == len(data) or self.closing:
                self.write_out()
                return
            if read:
                data = data[read:]
        self.feed(data)
        if self.began and self.heading:
            self.keep_head(data, begun and not self.out)
        self.write_out()

    cdef Py_ssize_t answer_plain(self, bytes data) except -1:
        """Answers the plain requests that a read begins with; returns where the parser has to go on."""
        cdef const char *start = PyBytes_AS_STRING(data)
        cdef Py_ssize_t at = 0, length, size = PyBytes_GET_SIZE(data)
        cdef PlainRequest found
        while at < size and not self.closing:
            length = read_plain(start + at, size - at, MAX_URL, self.most_bytes, &found)
            if not length:
                break
            self.secret, self.forwarded = spanned(start + at, &found.secret), spanned(start + at, &found.forwarded)
            self.takes_gzip = found.takes_gzip
            self.answer(b"POST", spanned(start + at, &found.url), spanned(start + at, &found.body), True)
            at += length
        self.secret = self.forwarded = b""
        self.takes_gzip = False
        return at

    cdef int write_out(self) except -1:
        """Writes the answers that are ready, in the order of their requests; closes after the last."""
        cdef Py_ssize_t ready
        if not self.awaited:
            if self.out:
                self.transport.write(b"".join(self.out))
                self.out.clear()
        else:
            ready = 0
            while type(self.out[ready]) is bytes:
                ready += 1
            if ready:
                self.transport.write(b"".join(self.out[:ready]))
                del self.out[:ready]
            return 0
        if self.lingering:
            self.transport.write_eof()
        elif self.closing:
            self.transport.close()

    # httptools

    def on_message_begin(self):
        self.began = self.service.now

    def on_url(self, bytes url):
        self.url += url
        if len(self.url) > MAX_URL:
            self.finish(refusal(BAD_REQUEST, f"URL: longer than {MAX_URL} bytes"))

    def on_header(self, bytes name, bytes value):
        name = name.lower()
        if name not in READ_HEADERS:
            return
        if name == b"accept-encoding":
            self.takes_gzip = b"gzip" in value
        elif name == b"content-encoding":
            self.encoding = value.strip().lower()
        elif name == b"content-type":
            low = value.lower()
            if low != b"application/json" and any(kind in low for kind in NOT_JSON):
                self.refused = refusal(UNSUPPORTED_TYPE, f"Content-Type: {low.decode('latin-1')}; send JSON")
        elif name == b"x-outbid-secret":
            self.secret = value
        elif name == b"x-forwarded-for":
            self.forwarded = value
        elif name == b"expect" and value.lower() == b"100-continue":
            self.out.append(CONTINUE)
        elif name == b"upgrade":
            self.upgrading = True

    def on_headers_complete(self):
        self.heading = False

    def on_body(self, bytes chunk):
        self.size += len(chunk)
        if self.size > self.most_bytes:
            self.finish(refusal(BODY_TOO_LARGE, f"body: more than {self.most_bytes} bytes"))
        elif not self.closing:
            self.chunks.append(chunk)

    def on_message_complete(self):
        if self.closing or (self.upgrading and self.parser.should_upgrade()):
            return
        if self.refused is not None:
            self.finish(self.refused)
            return
        body = self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)
        if self.encoding and self.encoding != b"identity":
            plain = self.unpack(body)
            if plain is None:
                return
            body = plain
        self.answer(self.parser.get_method(), self.url, body, self.parser.should_keep_alive())
        self.began = 0.0
        self.begin()

    # our own

    cdef int answer(self, bytes method, bytes url, bytes body, bint keeps_alive) except -1:
        service = self.service
        self.tally = None
        response = service.respond(self, method, url, body)
        if not keeps_alive or service.draining:
            self.closing = True
        if type(response) is bytes:
            self.out.append(last_of_all(<bytes>response) if self.closing else response)
            if self.tally is not None:
                count(self.tally, self.read_ns, service)
        else:
            (<Later>response).last = self.closing
            self.out.append(response)
            self.awaited += 1
        self.last = service.now
        return 0

    cdef void feed(self, bytes data) except *:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            self.decline_upgrade(data, stop.args[0])
        except httptools.HttpParserError as error:
            self.finish(refusal(BAD_REQUEST, f"HTTP: {error}"))

    cdef void keep_head(self, bytes data, bint all_of_it) except *:
        """Of a request whose headers go on in the next read. ``all_of_it``: they had begun before this read."""
        if all_of_it:
            self.header_bytes += len(data)
            if self.header_bytes > MAX_HEADER_BYTES:
                self.finish(refusal(HEADERS_TOO_LARGE, f"headers: more than {MAX_HEADER_BYTES} bytes"))
        self.head = None if self.out or self.head is None else self.head + data

    cdef void decline_upgrade(self, bytes data, Py_ssize_t end) except *:
        """Reads the request again without the offer of another protocol (``h2c``, which some clients make each time), as
        RFC 9110 allows (7.8): the parser has taken its body for that protocol. ``end``: of its headers.
        """
        if not self.upgrading or self.head is None or self.out:  # CONNECT, or one that came behind others in a read
            self.finish(refusal(BAD_REQUEST, "upgrade: no other protocol is spoken here"))
            return
        head, offers = UPGRADE.subn(b"\nx-declined:", self.head + data[:end])
        if not offers:
            self.finish(refusal(BAD_REQUEST, "upgrade: it cannot be declined"))
            return
        self.parser = httptools.HttpRequestParser(self)
        self.begin()
        self.feed(head + data[end:])

    cdef bytes unpack(self, bytes body):
        """Body of a gzip request; answers what cannot be unpacked."""
        if self.encoding not in (b"gzip", b"x-gzip"):
            named = self.encoding.decode("latin-1")
            self.finish(refusal(UNSUPPORTED_TYPE, f"Content-Encoding: {named}; send gzip or none"))
            return None
        most = self.most_bytes
        unpacker = zlib.decompressobj(31)
        try:
            plain = unpacker.decompress(body, most + 1)
            for _ in range(MOST_MEMBERS):
                body = unpacker.unused_data
                if not body.startswith(GZIP) or len(plain) > most:  # what else follows is padding, and ignored
                    break
                unpacker = zlib.decompressobj(31)
                plain += unpacker.decompress(body, most + 1 - len(plain))
        except zlib.error as error:
            self.finish(refusal(BAD_REQUEST, f"body: no gzip ({error})"))
            return None
        if len(plain) > most:
            self.finish(refusal(BODY_TOO_LARGE, f"body: more than {most} bytes after gzip"))
            return None
        if not unpacker.eof:
            self.finish(refusal(BAD_REQUEST, "body: the gzip stream ends early"))
            return None
        return plain

    cdef void finish(self, bytes response) except *:
        """Answers and closes: what follows on this connection cannot be trusted, or is not wanted."""
        if not self.closing:
            self.out.append(response)
            self.closing = self.lingering = True
            self.began = self.service.now
            self.service.refused += 1

    def expired(self, double now):
        """Closes the connection if its request, or the next one, takes too long to come."""
        settings = self.service.settings
        if self.began:
            if now - self.began > settings.request_timeout_s:
                self.transport.abort()
        elif now - self.last > settings.idle_timeout_s:
            self.transport.close()

    def later(self):
        """The answer to the request being answered, if it is yet to come."""
        return Later(self)

    def encode(self, bytes body):
        """A 200 with this JSON, compressed if the exchange takes it and it is worth it."""
        return written(body, self.takes_gzip, self.service.settings.gzip_answers_above)


cdef inline bytes spanned(const char *data, Span *span):
    return PyBytes_FromStringAndSize(data + span.at, span.size)


cdef class Later:
    """An answer that is yet to come, in the place of its request among the answers of a connection."""

    cdef BidConnection connection
    cdef readonly bytes forwarded
    cdef readonly Tally tally
    cdef int64_t read_ns
    cdef bint takes_gzip, last

    def __init__(self, BidConnection connection not None):
        self.connection, self.forwarded, self.takes_gzip = connection, connection.forwarded, connection.takes_gzip
        self.tally, self.read_ns = connection.tally, connection.read_ns
        self.last = False

    @property
    def transport(self):
        return self.connection.transport

    def encode(self, bytes body):
        """As `BidConnection.encode`, for the request that this answers."""
        return written(body, self.takes_gzip, self.connection.service.settings.gzip_answers_above)

    def come(self, bytes response not None):
        """The answer is here; to be called once, and not within the call that made this."""
        cdef BidConnection connection = self.connection
        connection.out[connection.out.index(self)] = last_of_all(response) if self.last else response
        connection.awaited -= 1
        connection.last = connection.service.now
        if self.tally is not None:
            count(self.tally, self.read_ns, connection.service)
        if not connection.transport.is_closing():
            connection.write_out()


cdef int count(Tally tally, int64_t since_ns, object service) except -1:
    """Counts an answer that is ready now, by how long it took."""
    cdef int64_t ns = now_ns() - since_ns
    tally.took(ns)
    if ns > LONG_NS:
        service.took_long(tally, ns)
    return 0
