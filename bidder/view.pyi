from collections.abc import Collection, Iterable, Mapping

from bidder.changes import Change, Row
from bidder.leases import Leases
from bidder.seller import Seller
from bidder.suppression import Suppression
from domain.campaign import Deal, LineItem, Snapshot
from domain.creative import Creative
from targeting.dimensions import Dimension
from targeting.index import TargetingIndex

PATH: bytes
DAYS: tuple[str, ...]

class View:
    snapshot: Snapshot
    sellers: dict[str, Seller]
    routes: dict[bytes, Seller]
    line_items: list[LineItem]
    creatives: list[Creative]
    index: TargetingIndex
    suppressions: Mapping[int, Suppression]
    suppressing: bool
    def __init__(self, snapshot: Snapshot, leases: Leases, tracker_is_secure: bool = True) -> None: ...
    supply_rules: bool
    capping: bool
    predictions: int
    facts: int
    def say_block(self, place: int, entry: int) -> str: ...
    def why_suppressed(self, place: int, audiences: Collection[int]) -> str | None: ...
    def say(self, dimension: Dimension, value: str) -> str: ...
    places: dict[int, int]
    ad_places: dict[int, int]
    gone: frozenset[int]
    def apply(self, change: Change, leases: Leases, tracker_is_secure: bool = True) -> None: ...
    def room(self) -> int: ...
    def __len__(self) -> int: ...

def live_rows(snapshot: Snapshot, line_items: Iterable[LineItem], sellers: Iterable[Seller]) -> list[Row]: ...
def as_compiled(item: LineItem, deals: dict[int, Deal], suppressed: Mapping[int, Suppression]) -> LineItem: ...
def with_deals(item: LineItem, deals: dict[int, Deal]) -> LineItem: ...
