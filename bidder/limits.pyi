from bidder.candidates import Candidates
from bidder.leases import Leases
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request

def gate(c: Candidates, view: View, seller: Seller, leases: Leases, r: Request) -> int: ...
def still_covered(c: Candidates, view: View, seller: Seller, leases: Leases, r: Request) -> int: ...
