from typing import Protocol

from typing_extensions import Buffer

from bidder.seller import Seller
from openrtb.request import Request

class Records(Protocol):
    def get(self, key: int) -> Buffer | None: ...

class SupplyModule:
    def __init__(self, reader: Records | None = None) -> None: ...
    def describe(self, request: Request, seller: Seller) -> dict[str, str]: ...
