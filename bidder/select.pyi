from bidder.candidates import Candidates
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request
from targeting.dimensions import Dimension

def select(c: Candidates, view: View, seller: Seller, r: Request, body: bytes) -> int: ...
def facts_of(c: Candidates) -> dict[Dimension, list[int]]: ...
