"""A bid port on a free port of this machine, deciding on the golden campaigns."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from bidder.config import BidderSettings
from bidder.enrichment.profile import ProfileModule
from bidder.frequency import History
from bidder.http import BidConnection
from bidder.service import Service
from bidder.waiting_room import Module, WaitingRoom
from targeting.redis_lookup import Held
from tests.auction_table import People, Table


@dataclass
class Port:
    """``send`` writes bytes on a new connection and returns everything that came back until the end of the answers."""

    table: Table
    service: Service
    number: int

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.number)


class FarPeople:
    """The table's people, as if they were in a store of another host: each is there some turns of the loop later, the
    later the fewer were asked for before. Bids are held there, too, for ever.
    """

    found = absent = late = unanswered = skipped = full = 0
    taken_ns = 0
    any_opted_out = True

    def __init__(self, people: People) -> None:
        self._people, self._waits = people, [0.004, 0.002, 0.0, 0.001]
        self.here: dict[int, bytes | None] = {}
        self.held_here: dict[int, list[bytes]] = {}
        self.words: dict[int, list[bytes]] = {}
        """Held bids, by key."""
        self.milliseconds: list[int] = []
        """For how long each was to be held."""

    def get(self, person: int) -> bytes | None:
        return self.here[person]

    def held(self, key: int) -> list[bytes]:
        return self.held_here[key]

    def _later(self, then: Callable[..., None], *answer: object) -> bool:
        self._waits.append(self._waits.pop(0))
        asyncio.get_running_loop().call_later(self._waits[0], then, *answer)
        return True

    def ask(
        self, person: int, wait_s: float, then: Callable[[bytes | None], None], held: list[bytes] | None = None
    ) -> bool:
        assert 0 < wait_s <= 1
        if held is not None:
            held.extend(self.words.get(person, ()))
        return self._later(then, self._people.get(person))

    def take(self, key: int, words: list[bytes | int], wait_s: float, then: Callable[[Held], None]) -> bool:
        assert 0 < wait_s <= 1
        held = self.words.setdefault(key, [])
        held += [word for word in words if isinstance(word, bytes)]
        self.milliseconds += [word for word in words if isinstance(word, int)]
        return self._later(then, (self._people.get(key), list(held)))

    def withdraw(self, key: int, words: list[bytes]) -> None:
        self.words[key] = [word for word in self.words[key] if word not in words]


@pytest.fixture(params=["people on this host", "people far away"])
def bid_port(request: pytest.FixtureRequest) -> Callable[..., object]:
    @asynccontextmanager
    async def opened(
        table: Table | None = None, modules: Sequence[Module] = (), **settings: object
    ) -> AsyncIterator[Port]:
        table = table or Table()
        room = WaitingRoom(None, modules=modules) if modules else None
        if request.param == "people far away":
            far = FarPeople(table.people)
            table.auction.chain.modules = (ProfileModule(far), *table.auction.chain.modules[1:])
            table.auction.history = History(far, fleet=far if table.holds is not None else None)
            room = WaitingRoom(far, 1.0, modules)  # type: ignore[arg-type]
        service = Service(
            table.auction,
            SimpleNamespace(view=table.view, version=3, workers=1),
            # a machine that is busy with other things makes nobody late here, unless that is what is tested
            BidderSettings(**{"shed_above_ms": 1e9, **settings}),  # type: ignore[arg-type]
            room,
        )
        watching = asyncio.create_task(service.watch())
        asking = [asyncio.create_task(module.service.run()) for module in modules]
        server = await asyncio.get_running_loop().create_server(lambda: BidConnection(service), "127.0.0.1", 0)
        try:
            yield Port(table, service, server.sockets[0].getsockname()[1])
        finally:
            server.close()
            await service.drain(0.2)
            for task in (watching, *asking):
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    return opened
