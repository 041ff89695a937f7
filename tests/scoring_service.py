"""Scoring services on a free port: one that answers as it should, and those that do not. Plain sockets, so that each
byte of an answer can be wrong.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class ScoringService:
    """``asked``: the bodies of all questions; ``heads``: their headers, in lower case."""

    port: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def question(self, reader: asyncio.StreamReader) -> dict[str, Any]:
        """The next one on a connection. Raises IncompleteReadError at its end."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.split("content-length:")[1].split("\r\n")[0])
        self.heads.append(head)
        self.asked.append(json.loads(await reader.readexactly(size)))
        return self.asked[-1]


def written(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


Answer = Callable[[dict[str, Any]], object]
"""Of a question: an object to be sent as JSON, or bytes to be sent as they are; None closes the connection."""


@asynccontextmanager
async def scoring_service(answer: Answer) -> AsyncIterator[ScoringService]:
    service = ScoringService()
    talking: set[asyncio.Task[Any]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        try:
            while True:
                told = answer(await service.question(reader))
                if told is None:
                    break
                if hasattr(told, "__aiter__"):
                    async for piece in told:
                        writer.write(piece)
                        await writer.drain()
                else:
                    writer.write(told if isinstance(told, bytes) else written(json.dumps(told).encode()))
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            talking.discard(task)
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
        for task in list(talking):
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


async def trickle(piece: bytes) -> AsyncIterator[bytes]:
    """The same bytes for ever, a few at a time."""
    while True:
        yield piece
        await asyncio.sleep(0.001)


async def never() -> AsyncIterator[bytes]:
    await asyncio.sleep(3600)
    yield b""


async def flood(head: bytes) -> AsyncIterator[bytes]:
    """A body without an end, as fast as it is taken."""
    yield head
    while True:
        yield b"9" * 65_536


NINES = b"9" * 500
NAN = b'{"score": NaN, "pd": NaN, "p_approved": NaN, "scores": {"fraud": {"score": NaN}}}'
HOSTILE: dict[str, Answer] = {
    "closes": lambda asked: None,
    "says nothing": lambda asked: never(),
    "a byte at a time": lambda asked: trickle(b"H"),
    "headers without end, slowly": lambda asked: _endless_headers(),
    "headers without end, fast": lambda asked: _flood_of_headers(),
    "body without end": lambda asked: flood(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
    "chunks without end": lambda asked: flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n"),
    "half an answer": lambda asked: _half(),
    "half an object": lambda asked: written(b'{"score": 700, "scores": {"fraud"'),
    "nothing in it": lambda asked: written(b""),
    "no HTTP": lambda asked: b"220 smtp.example ESMTP\r\n",
    "no numbers": lambda asked: written(NAN),
    "infinite": lambda asked: written(b'{"pd": 1e999, "scores": {"fraud": {"score": 1e999}}}'),
    "a text for a number": lambda asked: {"score": "700", "scores": {"fraud": {"score": "0"}}},
    "true for a number": lambda asked: {"pd": True, "scores": {"fraud": {"score": True}}},
    "a fraction of a point": lambda asked: {"score": 700.5, "scores": {"fraud": {"score": 0.5}}},
    "beyond its range": lambda asked: {"p_approved": 1.01, "scores": {"fraud": {"score": 1001}}},
    "below zero": lambda asked: {"pd": -0.01, "scores": {"fraud": {"score": -1}}},
    "as large as it gets": lambda asked: written(b'{"pd": 9%b, "scores": {"fraud": {"score": 9%b}}}' % (NINES, NINES)),
    "an array": lambda asked: [700],
    "a number": lambda asked: 700,
    "an array for an object": lambda asked: {"score": [700], "scores": [{"fraud": 0}]},
    "deep": lambda asked: written(b"[" * 30_000),
    "no text": lambda asked: written(b'{"score": "\xff\xfe", "scores": \xff}'),
    "lists of nothing": lambda asked: {"pd": {}, "lists": [{"list": "purple"}]},
    "compressed": lambda asked: written(b"\x1f\x8b\x08\x00\x00", "200 OK", "Content-Encoding: gzip"),
    "an error": lambda asked: written(b'{"title": "out of order"}', "500 Internal Server Error"),
    "elsewhere": lambda asked: written(b"", "302 Found", "Location: http://127.0.0.1:1/"),
    "forbidden": lambda asked: written(b"{}", "401 Unauthorized"),
    "answers twice": lambda asked: 2 * written(b'{"pd": 0.5, "scores": {"fraud": {"score": 1000}}}'),
    "to be continued": lambda asked: b"HTTP/1.1 100 Continue\r\n\r\n" * 3,
}
"""What a service can do wrong, whichever of the two it is."""


async def _endless_headers() -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-More: of the same\r\n"
        await asyncio.sleep(0.001)


async def _flood_of_headers() -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-More: of the same\r\n" * 1_000


async def _half() -> AsyncIterator[bytes]:
    yield written(b'{"score": 700, "pd": 0.01, "scores": {}}')[:-7]
    await asyncio.sleep(3600)
