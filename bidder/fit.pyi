from bidder.candidates import Candidates
from bidder.view import Seller, View
from openrtb.request import Request

MOST: int

def fit(c: Candidates, view: View, seller: Seller, r: Request) -> int: ...
