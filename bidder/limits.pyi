from bidder.candidates import Candidates
from bidder.leases import Leases
from bidder.view import Seller, View
from openrtb.request import Request

def frequency(c: Candidates, view: View, r: Request) -> int: ...
def gate(c: Candidates, view: View, seller: Seller, leases: Leases, r: Request) -> int: ...
