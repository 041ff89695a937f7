from bidder.candidates import Candidates
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request
from prediction.landscape import PriceLandscape

class Shading:
    on: bool
    version: int
    def use(self, model: PriceLandscape | None, version: int) -> None: ...

def shade(c: Candidates, view: View, s: Shading, seller: Seller, r: Request) -> None: ...
