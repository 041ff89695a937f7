"""The yardstick: the bid port's stack with nothing in it. httptools on uvloop, orjson parse, an answer of a bid's size.

python bench/rig/echo.py PORT BODY_BYTES
"""

import asyncio
import sys

import httptools
import orjson
import uvloop


class Echo(asyncio.Protocol):
    """Parses what it gets and answers always the same."""

    answer = b""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.chunks: list[bytes] = []
        self.out: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)
        if self.out:
            self.transport.write(b"".join(self.out))
            self.out.clear()

    def on_body(self, chunk: bytes) -> None:
        self.chunks.append(chunk)

    def on_message_complete(self) -> None:
        orjson.loads(self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks))
        self.chunks.clear()
        self.out.append(self.answer)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    size = int(sys.argv[2])
    Echo.answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        size,
        b"x" * size,
    )
    uvloop.run(serve(int(sys.argv[1])))
