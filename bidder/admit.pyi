from bidder.seller import Seller
from openrtb.request import Request
from openrtb.tcf import Vendor

LEAST_MS: int

def admit(r: Request, seller: Seller, vendor: Vendor) -> int: ...
