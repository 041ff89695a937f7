from typing import Protocol

from bidder.candidates import Candidates
from bidder.seller import Seller
from bidder.view import View
from openrtb.request import Request
from targeting.holds import Holds

MOST_STALE_S: int

class Records(Protocol):
    """Where records come from, and when what they say was so (monotonic)."""

    @property
    def taken_ns(self) -> int: ...
    @property
    def any_opted_out(self) -> bool: ...
    def get(self, person: int) -> bytes | None: ...

class Fleet(Protocol):
    """Says which bids are held for a key (words of `targeting.held_words`)."""

    def held(self, key: int) -> list[bytes]: ...

class History:
    stale: bool
    looking_only: bool
    full: int
    def __init__(
        self,
        reader: Records | None = None,
        holds: Holds | None = None,
        looking_only: bool = False,
        fleet: Fleet | None = None,
    ) -> None: ...
    @property
    def fleet(self) -> Fleet | None: ...
    def another(self) -> History: ...
    def counters(self, view: View, r: Request) -> list[int]: ...

def frequency(c: Candidates, view: View, history: History, r: Request) -> int: ...
def hold(c: Candidates, view: View, seller: Seller, history: History, r: Request) -> int: ...
