from bidder.candidates import Candidates
from bidder.view import Seller, View
from openrtb.request import Request

def exchange_rules(c: Candidates, view: View, seller: Seller, r: Request, body: bytes) -> int: ...
