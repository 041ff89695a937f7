from bidder.candidates import Candidates
from bidder.enrichment.supply import SupplyModule
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request

def supply(c: Candidates, view: View, seller: Seller, r: Request, sellers: SupplyModule) -> int: ...
