from bidder.candidates import Candidates
from bidder.enrichment.profile import Source
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request
from targeting.holds import Holds

MOST_STALE_S: int

class History:
    stale: bool
    looking_only: bool
    full: int
    def __init__(
        self, reader: Source | None = None, holds: Holds | None = None, looking_only: bool = False
    ) -> None: ...

def frequency(c: Candidates, view: View, history: History, r: Request) -> int: ...
def hold(c: Candidates, view: View, seller: Seller, history: History, r: Request) -> int: ...
