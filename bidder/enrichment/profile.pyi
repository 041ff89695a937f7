from typing import Protocol

from openrtb.request import Request
from targeting.forgotten import Forgotten

class Source(Protocol):
    def get(self, person: int) -> bytes | None: ...

class ProfileModule:
    def __init__(self, reader: Source, forgotten: Forgotten | None = None) -> None: ...
    def __call__(self, request: Request) -> None: ...
