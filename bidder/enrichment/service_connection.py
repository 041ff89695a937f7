"""One HTTP/1.1 connection to a scoring service: one question at a time, and nothing of it is trusted.

An answer that is too long, that nobody asked for, or that is no HTTP ends the connection: what would come next could be
taken for the answer about somebody else.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

MOST_BYTES = 65_536
"""Of an answer, headers included; those of our own services have some hundred."""
OK = 200
WRONG, BROKEN = 0, -1
"""In place of a status: the answer is no answer, or the connection went while it was awaited."""

Ended = Callable[[int, bytes], None]
"""What is to be done with an answer: its status, and its body."""


class ServiceConnection(asyncio.Protocol):
    """``free`` is told when it can be asked, and asked again; ``lost`` is set with its end."""

    def __init__(self, free: Callable[["ServiceConnection"], None]) -> None:
        self.lost = asyncio.Event()
        self.asked_s = 0.0
        """When its question was sent (the loop's time)."""
        self._free = free
        self._then: Ended | None = None
        self._transport: asyncio.Transport | None = None
        self._begin()

    def _begin(self) -> None:
        self._size = self._messages = self._status = 0
        self._whole = self._lasts = False
        self._chunks: list[bytes] = []

    @property
    def waits(self) -> bool:
        """Is there a question without an answer?"""
        return self._then is not None

    def ask(self, head: bytes, body: bytes, then: Ended, now: float) -> None:
        """Sends a request; ``then`` is called once, never from within this call."""
        assert self._transport is not None and self._then is None
        self._then, self.asked_s = then, now
        self._transport.write(b"%s%d\r\n\r\n%s" % (head, len(body), body))

    def give_up(self) -> None:
        """Closes it at once; a question that waits is answered `BROKEN`."""
        if self._transport is not None:
            self._transport.abort()
        self._end(BROKEN, b"")

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._parser = httptools.HttpResponseParser(self)
        self._free(self)

    def data_received(self, data: bytes) -> None:
        if self._then is None:  # nobody asked
            self.give_up()
            return
        self._size += len(data)
        try:
            if self._size > MOST_BYTES:
                raise ValueError("too long")
            self._parser.feed_data(data)
        except (ValueError, httptools.HttpParserError):
            self._refuse()
            return
        if self._messages > 1 or (self._whole and self._status < OK):
            self._refuse()
        elif self._whole:
            status, body, lasts = self._status, b"".join(self._chunks), self._lasts
            self._begin()
            if not lasts and self._transport is not None:
                self._transport.close()
            self._end(status, body)
            if lasts:
                self._free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()
        self._end(BROKEN, b"")

    # httptools

    def on_message_begin(self) -> None:
        self._messages += 1

    def on_body(self, chunk: bytes) -> None:
        if self._messages == 1:
            self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        if self._messages == 1:
            self._status, self._lasts, self._whole = (
                self._parser.get_status_code(),
                self._parser.should_keep_alive(),
                True,
            )

    # our own

    def _refuse(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._end(WRONG, b"")

    def _end(self, status: int, body: bytes) -> None:
        then, self._then = self._then, None
        if then is not None:
            then(status, body)
