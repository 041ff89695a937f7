"""One HTTP/1.1 connection, byte by byte: what is sent need not be HTTP, and what comes back is read strictly."""

import asyncio
import gzip
from types import TracebackType
from typing import NamedTuple

PATIENCE_S = 20.0


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    """Unpacked."""

    @property
    def nbr(self) -> int | None:
        """The no-bid reason in the header of an answer without a body."""
        told = self.headers.get("x-outbid-no-bid")
        return int(told) if told else None


class Dropped(Exception):
    """The connection ended where an answer was due."""


class Wire:
    """Connects when first used, and again after the peer has closed; a request that gets no answer is `Dropped`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> "Wire":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def send(self, data: bytes) -> None:
        """Writes as it is; what the peer no longer reads is thrown away, for its answer may still be there."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            pass

    async def read(self, keep: bool = False) -> Answer:
        """The next answer; ``keep``: what was said of the connection's end is left to `is_over`."""
        assert self._reader is not None
        try:
            async with asyncio.timeout(PATIENCE_S):
                head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
                }
                status = int(head[0].split()[1])
                body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError) as error:
            self.close()
            raise Dropped(repr(error)) from None
        assert head[0].startswith("HTTP/1.1 "), head[0]
        assert status in (100, 204) or "content-length" in headers, headers
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if not keep and (headers.get("connection") == "close" or status in (413, 415, 431)):
            self.close()
        return Answer(status, headers, body)

    async def is_over(self) -> bool:
        """Has the peer closed, without a further answer? An open connection answers a question that it is asked."""
        assert self._reader is not None
        await self.send(b"GET /health HTTP/1.1\r\nHost: bidder\r\n\r\n")
        try:
            await self.read(keep=True)
        except Dropped:
            return True
        return False

    async def post(self, body: bytes, path: str = "/openrtb2/usx", **headers: str) -> Answer:
        await self.send(request(body, path, **headers))
        return await self.read()


def request(body: bytes, path: str = "/openrtb2/usx", **headers: str) -> bytes:
    """The bytes of one POST; ``content_length`` may lie."""
    given = {"Host": "bidder", "Content-Type": "application/json", "Content-Length": str(len(body))}
    given |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items() if value)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(body: bytes, size: int) -> bytes:
    """A body in chunks of that size."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
