"""The HTTP of the bid port: one protocol object a connection, answers written in the order of the requests.

httptools (llhttp) parses; requests of one read are answered with one write, so pipelining costs nothing extra. Every
limit that a careless or hostile peer could exceed is checked here: sizes, times, headers, and how late we run.
"""

import zlib

import httptools

from bidder.refusals import (
    BAD_REQUEST,
    BODY_TOO_LARGE,
    CONTINUE,
    HEADERS_TOO_LARGE,
    UNSUPPORTED_TYPE,
    answer,
    refusal,
)

MAX_URL = 2_048
MAX_HEADER_BYTES = 16_384
"""Of headers that do not end with the read they began in; a single read is bounded by the event loop (256 KiB)."""
READ_HEADERS = frozenset(
    (b"accept-encoding", b"content-encoding", b"content-type", b"x-outbid-secret", b"x-forwarded-for", b"expect")
)
NOT_JSON = (b"protobuf", b"avro", b"thrift", b"octet-stream", b"xml")
"""Content types that surely hold no JSON; others, and none at all, are read as JSON (OpenRTB 2.3)."""


cdef class BidConnection:
    """One connection of an exchange: an asyncio Protocol, compiled because its callbacks are most of the work there is."""

    cdef object service, parser, refused
    cdef readonly object transport
    cdef list out, chunks
    cdef bytes url, encoding
    cdef readonly bytes secret
    cdef Py_ssize_t size, header_bytes, most_bytes
    cdef bint closing       # the answer being written is this connection's last
    cdef bint lingering     # refused in the middle of a request: what still comes is read and thrown away, since closing
                            # at once would reset the connection before the peer has read why
    cdef bint takes_gzip
    cdef public bytes forwarded
    cdef readonly int awaited       # answers in ``out`` that are yet to come
    cdef readonly double began  # when the request now arriving began (service time); 0 between requests
    cdef double last

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
        self.begin()

    cdef void begin(self):
        self.url = self.encoding = self.secret = self.forwarded = b""
        self.chunks = []
        self.size = self.header_bytes = 0
        self.takes_gzip = False

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
        if self.closing:
            return
        if self.began and not self.chunks:
            self.header_bytes += len(data)
            if self.header_bytes > MAX_HEADER_BYTES:
                self.finish(refusal(HEADERS_TOO_LARGE, f"headers: more than {MAX_HEADER_BYTES} bytes"))
        try:
            if not self.closing:
                self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.finish(refusal(BAD_REQUEST, "upgrade: no other protocol is spoken here"))
        except httptools.HttpParserError as error:
            self.finish(refusal(BAD_REQUEST, f"HTTP: {error}"))
        self.write_out()

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
            self.transport.write(CONTINUE)

    def on_body(self, bytes chunk):
        self.size += len(chunk)
        if self.size > self.most_bytes:
            self.finish(refusal(BODY_TOO_LARGE, f"body: more than {self.most_bytes} bytes"))
        elif not self.closing:
            self.chunks.append(chunk)

    def on_message_complete(self):
        if self.closing:
            return
        service = self.service
        if self.refused is not None:
            self.finish(self.refused)
            return
        body = self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)
        if self.encoding and self.encoding != b"identity":
            plain = self.unpack(body)
            if plain is None:
                return
            body = plain
        response = service.respond(self, self.parser.get_method(), self.url, body)
        if not self.parser.should_keep_alive() or service.draining:
            self.closing = True
        if type(response) is bytes:
            self.out.append(last_of_all(<bytes>response) if self.closing else response)
        else:
            (<Later>response).last = self.closing
            self.out.append(response)
            self.awaited += 1
        self.began = 0.0
        self.last = service.now
        self.begin()

    # our own

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

    def encode(self, bytes body):
        """A 200 with this JSON, compressed if the exchange takes it and it is worth it."""
        return written(body, self.takes_gzip, self.service.settings.gzip_answers_above)


cdef class Later:
    """An answer that is yet to come, in the place of its request among the answers of a connection."""

    cdef BidConnection connection
    cdef readonly bytes forwarded
    cdef bint takes_gzip, last

    def __init__(self, BidConnection connection not None):
        self.connection, self.forwarded, self.takes_gzip = connection, connection.forwarded, connection.takes_gzip
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
        if not connection.transport.is_closing():
            connection.write_out()


cdef bytes last_of_all(bytes response):
    """The answer after which the connection is closed."""
    return response.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


cdef bytes written(bytes body, bint takes_gzip, object least):
    if takes_gzip and least and len(body) >= least:
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        return answer(packer.compress(body) + packer.flush(), b"Content-Encoding: gzip\r\n")
    return answer(body)
