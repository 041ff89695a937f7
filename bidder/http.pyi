import asyncio

from bidder.service import Service

class BidConnection(asyncio.Protocol):
    transport: asyncio.Transport
    secret: bytes
    forwarded: bytes
    began: float
    def __init__(self, service: Service) -> None: ...
    def expired(self, now: float) -> None: ...
    def encode(self, body: bytes) -> bytes: ...
