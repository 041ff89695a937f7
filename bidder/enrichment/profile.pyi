from typing import Protocol

from openrtb.request import Request

class Source(Protocol):
    def get(self, person: int) -> bytes | None: ...

class ProfileModule:
    def __init__(self, reader: Source) -> None: ...
    def __call__(self, request: Request) -> None: ...
