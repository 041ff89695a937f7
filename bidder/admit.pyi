from bidder.view import Seller
from openrtb.request import Request

LEAST_MS: int

def admit(r: Request, seller: Seller, vendor: int) -> int: ...
