from bidder.candidates import Candidates
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request

MOST: int

def fit(c: Candidates, view: View, seller: Seller, r: Request) -> int: ...
