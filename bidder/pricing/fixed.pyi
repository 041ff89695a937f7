from bidder.candidates import Candidates
from bidder.paces import Paces
from bidder.view import View
from openrtb.request import Request

def fixed_cpm(c: Candidates, view: View, paces: Paces, r: Request) -> int: ...
