"""Clients without manners: slow, silent, gone in the middle, or deaf. Others are served meanwhile."""

import asyncio
import contextlib
import json
import socket
import struct
from typing import Any

from tests.strangers.battery import Battery
from tests.strangers.wire import Wire, request

TIMEOUT_S = 1.5
"""The bidder's ``request_timeout_s``."""
LONGEST_S = 20.0
OF_EACH = 10


async def manners(battery: Battery, document: Any) -> None:
    """All of them at once; requests beside them must be answered, and nobody's connection is kept for ever."""
    port, body = battery.wire.port, json.dumps(document).encode()
    whole = request(body)
    head = whole[: -len(body)]
    unfinished = {
        "a head in single bytes": (whole[:400], 1, 0.02),
        "half a head": (head[: len(head) // 2], 1 << 20, 0.0),
        "no body": (head, 1 << 20, 0.0),
        "a body without its last byte": (whole[:-1], 1 << 20, 0.0),
        "a body that is shorter than told": (request(body, content_length="200000"), 1 << 20, 0.0),
        "a chunk without its end": (
            head.replace(b"Content-Length:", b"Transfer-Encoding: chunked\r\nX:") + b"f\r\nab",
            1 << 20,
            0.0,
        ),
    }
    slow = {
        asyncio.create_task(_given_up(port, *parts)): name for name, parts in unfinished.items() for _ in range(OF_EACH)
    }
    for place in range(40):
        await _reset(port, whole[: 1 + place * 37 % len(whole)])
        if not (await battery.post("beside clients without manners", document)).bids:
            battery.wrong.append("beside clients without manners: no bid")
    if (status := await _only_listening(port, whole)) != b"HTTP/1.1 200 OK":
        battery.wrong.append(f"a client that says no more after its request is answered {status!r}")
    await _deaf(port, whole)
    for task, name in slow.items():
        if not await task:
            battery.wrong.append(f"{name}: the connection is still there after {LONGEST_S} s")
        battery.met["slow clients given up"] += 1


async def _given_up(port: int, data: bytes, piece: int, pause_s: float) -> bool:
    """Sends pieces of an unfinished request, as if there were no end to it; is the connection closed?"""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def send() -> None:
        for at in range(0, len(data), piece):
            writer.write(data[at : at + piece])
            await writer.drain()
            await asyncio.sleep(pause_s)

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(LONGEST_S):
            while await reader.read(1_000):
                pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await sending
        writer.close()
    return True


async def _reset(port: int, data: bytes) -> None:
    """A client that is gone, with a reset, in the middle of its request."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    await writer.drain()
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _only_listening(port: int, data: bytes) -> bytes:
    """Status line for a client that closes its half of the connection behind the request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    async with asyncio.timeout(LONGEST_S):
        answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n")[0]


async def _deaf(port: int, data: bytes) -> None:
    """A client that asks and asks, and never reads an answer: it must not cost others their turn."""
    async with Wire(port) as wire:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT_S):
                while True:
                    await wire.send(data * 50)
