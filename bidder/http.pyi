import asyncio

from bidder.service import Service
from bidder.tally import Tally

class BidConnection(asyncio.Protocol):
    transport: asyncio.Transport
    secret: bytes
    forwarded: bytes
    began: float
    awaited: int
    tally: Tally
    def __init__(self, service: Service) -> None: ...
    def expired(self, now: float) -> None: ...
    def later(self) -> Later: ...
    def encode(self, body: bytes) -> bytes: ...

class Later:
    transport: asyncio.Transport
    forwarded: bytes
    tally: Tally
    def __init__(self, connection: BidConnection) -> None: ...
    def encode(self, body: bytes) -> bytes: ...
    def come(self, response: bytes) -> None: ...
