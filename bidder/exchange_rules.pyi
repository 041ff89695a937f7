from bidder.candidates import Candidates
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request

def exchange_rules(c: Candidates, view: View, seller: Seller, r: Request, body: bytes) -> int: ...
