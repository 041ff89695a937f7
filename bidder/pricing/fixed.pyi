from bidder.candidates import Candidates
from openrtb.request import Request

def fixed_cpm(c: Candidates, r: Request) -> int: ...
