from typing import Protocol

from bidder.view import Seller
from openrtb.request import Request
from typing_extensions import Buffer

class Records(Protocol):
    def get(self, key: int) -> Buffer | None: ...

class SupplyModule:
    def __init__(self, reader: Records | None = None) -> None: ...
    def describe(self, request: Request, seller: Seller) -> dict[str, str]: ...
