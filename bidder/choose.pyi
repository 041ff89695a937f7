from bidder.candidates import Candidates
from bidder.frequency import History
from bidder.leases import Leases
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request

def choose(c: Candidates, view: View, seller: Seller, history: History, leases: Leases, r: Request) -> int: ...
def reserve(c: Candidates, view: View, seller: Seller, leases: Leases, r: Request) -> None: ...
