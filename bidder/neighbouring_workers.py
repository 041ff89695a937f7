"""The page of metrics of all workers of a host. They share the bid port, so whoever is asked asks the others.

Each worker gives its own samples to whoever connects to a socket in Linux' abstract namespace, named after the data
directory and its slot: no file is left behind by one that was killed, no full disk is in the way, and a name that is
there is a worker that lives.
"""

import asyncio
import hashlib
import logging
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from bidder.metrics import UP, Worker
from monitoring.page import Page, Sample

PATIENCE_S = 0.5
"""How long another worker has to answer."""
NAMES = Path("/proc/net/unix")

log = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Sample]).decode


class Neighbours:
    """This worker among those of its host; ``page`` makes its own page."""

    def __init__(self, worker: Worker, page: Callable[[], Page]) -> None:
        folder = hashlib.sha256(str(worker.data).encode()).hexdigest()[:16]
        self._prefix, self._page = f"outbid-{folder}-bidder-", page
        self._name = f"{self._prefix}{worker.slot}"

    async def run(self) -> None:
        """Answers the others until cancelled."""
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"\0{self._name}")
            async with await asyncio.start_unix_server(self._tell, sock=listening) as server:
                await server.serve_forever()

    async def gather(self, own: Page) -> Page:
        """``own`` with the samples of all others that answer in time."""
        told = await asyncio.gather(*(self._ask(name) for name in self._others()))
        answered = [samples for samples in told if samples is not None]
        for samples in answered:
            own.take(samples)
        own.take([Sample(UP.name, "", (), 1 + len(answered))])
        return own

    def _others(self) -> list[str]:
        listening = {line.rpartition(" ")[2] for line in NAMES.read_text().splitlines()}
        names = sorted(name[1:] for name in listening if name.startswith(f"@{self._prefix}"))
        return [name for name in names if name != self._name]

    async def _ask(self, name: str) -> list[Sample] | None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                calling = socket.socket(socket.AF_UNIX)
                calling.setblocking(False)
                await asyncio.get_running_loop().sock_connect(calling, f"\0{name}")
                reader, writer = await asyncio.open_unix_connection(sock=calling)
                try:
                    return _decode(await reader.read())
                finally:
                    writer.close()
        except (OSError, TimeoutError, msgspec.DecodeError) as error:
            log.warning("%s does not tell its metrics: %s: %s", name, type(error).__name__, error)
            return None

    async def _tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_encode(self._page().samples()))
        await writer.drain()
        writer.close()
