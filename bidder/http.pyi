import asyncio

from bidder.service import Service

class BidConnection(asyncio.Protocol):
    transport: asyncio.Transport
    secret: bytes
    forwarded: bytes
    began: float
    awaited: int
    def __init__(self, service: Service) -> None: ...
    def expired(self, now: float) -> None: ...
    def encode(self, body: bytes) -> bytes: ...

class Later:
    transport: asyncio.Transport
    forwarded: bytes
    def __init__(self, connection: BidConnection) -> None: ...
    def encode(self, body: bytes) -> bytes: ...
    def come(self, response: bytes) -> None: ...
