from bidder.candidates import Candidates
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request

def floors(c: Candidates, view: View, seller: Seller, r: Request) -> int: ...
def length_floor(length_ms: int, per_second: int, ranges: list[tuple[int, int, int]]) -> int: ...
