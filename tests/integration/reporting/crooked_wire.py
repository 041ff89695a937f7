"""A TCP proxy that can be slow, refuse, and cut whatever goes through it."""

import asyncio
import contextlib
import threading


class CrookedWire:
    """Listens on ``port``, leads to ``target``, as long as it is ``open``. ``delay_s`` is added to each piece."""

    def __init__(self, target: int) -> None:
        self.target, self.open, self.delay_s = target, False, 0.0
        self._loop = asyncio.new_event_loop()
        self._streams: set[asyncio.StreamWriter] = set()
        self.port = 0
        ready = threading.Event()
        threading.Thread(target=self._run, args=(ready,), daemon=True).start()
        ready.wait()

    def cut(self) -> None:
        self._loop.call_soon_threadsafe(self._cut)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self._loop.run_forever()

    def _cut(self) -> None:
        for stream in self._streams:
            stream.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.open:
            writer.transport.abort()
            return
        with contextlib.suppress(OSError):
            there, away = await asyncio.open_connection("127.0.0.1", self.target)
            self._streams |= {writer, away}
            await asyncio.gather(self._carry(reader, away), self._carry(there, writer))
        self._streams -= {writer}

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(1 << 16):
                await asyncio.sleep(self.delay_s)
                writer.write(piece)
                await writer.drain()
        writer.close()
