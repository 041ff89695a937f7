from bidder.beliefs import Beliefs
from bidder.candidates import Candidates
from bidder.models import Models
from bidder.paces import Paces
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request

def price(
    c: Candidates, view: View, paces: Paces, models: Models, beliefs: Beliefs, seller: Seller, r: Request
) -> int: ...
