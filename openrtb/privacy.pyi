from domain.exchange import Privacy
from openrtb.request import Request
from openrtb.tcf import Vendor

USES: tuple[str, ...]

def use_of(r: Request, privacy: Privacy, vendor: Vendor) -> str: ...
def raised(r: Request, vendor: Vendor) -> list[str]: ...
