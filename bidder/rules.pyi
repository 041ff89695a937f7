from bidder.candidates import Candidates
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request

def blocks(c: Candidates, view: View, r: Request) -> int: ...
def deals(c: Candidates, view: View, seller: Seller, r: Request) -> int: ...
