from bidder.candidates import Candidates
from bidder.models import Models
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request

def predict(c: Candidates, view: View, models: Models, seller: Seller, r: Request, body: bytes) -> int: ...
