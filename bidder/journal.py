"""The sample of no-bids that is kept: one in ``weight``, chosen by the auction's id, so a replay samples the same."""

from collections.abc import Callable

from bidder.seller import Seller
from domain.events import NoBid, encode
from openrtb.request import Request


class Journal:
    """Writes NoBid events to the bid log."""

    def __init__(self, append: Callable[[bytes], int], weight: int) -> None:
        self.append, self.weight = append, max(1, weight)

    def no_bid(self, reason: int, stage: str, request: Request, seller: Seller) -> None:
        """Logs this one if its auction is in the sample."""
        if request.hash % self.weight == 0:
            event = NoBid(
                request.now_ns, request.id, seller.id, reason, stage, self.weight, request.site, request.country_code
            )
            self.append(encode(event))
