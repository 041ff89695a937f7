"""A bid port on a free port of this machine, deciding on the golden campaigns."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from bidder.config import BidderSettings
from bidder.http import BidConnection
from bidder.service import Service
from tests.auction_table import Table


@dataclass
class Port:
    """``send`` writes bytes on a new connection and returns everything that came back until the end of the answers."""

    table: Table
    service: Service
    number: int

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.number)


@pytest.fixture
def bid_port() -> Callable[..., object]:
    @asynccontextmanager
    async def opened(table: Table | None = None, **settings: object) -> AsyncIterator[Port]:
        table = table or Table()
        service = Service(
            table.auction,
            SimpleNamespace(view=table.view, version=3, workers=1),
            # a machine that is busy with other things makes nobody late here, unless that is what is tested
            BidderSettings(**{"shed_above_ms": 1e9, **settings}),  # type: ignore[arg-type]
        )
        watching = asyncio.create_task(service.watch())
        server = await asyncio.get_running_loop().create_server(lambda: BidConnection(service), "127.0.0.1", 0)
        try:
            yield Port(table, service, server.sockets[0].getsockname()[1])
        finally:
            server.close()
            await service.drain(0.2)
            watching.cancel()

    return opened
