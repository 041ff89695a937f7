from bidder.seller import Seller
from openrtb.request import Request

DEEPEST: int
MOST_PENDING: int
MOST_WAITING: int

Pending = tuple[int, int, int, int, bool, bytes]

def hash_of(key: int) -> int: ...

class RequestSample:
    level: int
    limit: int
    seen: int
    on: bool
    def __init__(self, on: bool = True) -> None: ...
    def set_level(self, level: int) -> None: ...
    def look(self, r: Request, seller: Seller, body: bytes) -> None: ...
    def take(self) -> tuple[list[Pending], int]: ...
