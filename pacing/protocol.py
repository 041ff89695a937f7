"""What bidders and control say to each other: worker registration, leases, and which snapshot is current.

JSON over HTTP on control's port. Money in leases is nanos of the advertiser's currency; lease ids are never
used again.

- ``POST /v1/workers``  `Register` -> `Registered`
- ``POST /v1/leases``   `Heartbeat` -> `Grants` (every `HEARTBEAT_S`; it is also the worker's sign of life)
- ``GET /v1/snapshots/{version}`` -> the snapshot, msgpack of `domain.campaign.Snapshot`
- ``GET /v1/settlements?after=ID&limit=N`` -> `Settlements`, what the ledger booked, in the order it was booked
- ``GET /v1/settlements/hours?first=H&last=H&through=ID`` -> `LedgerHours`, their sums by hour and account
- ``GET /v1/delivery`` -> a list of `Delivery`, one for each live line item
- ``GET /v1/books`` -> `Books`, the ledger's sums for each exchange
- ``GET /v1/rates`` -> a list of `domain.campaign.Rate`, of all days
"""

from msgspec import Struct

HEARTBEAT_S = 0.2
"""Real seconds between a worker's heartbeats; a published change reaches it within one."""

SUPPLY_S = 1.0
"""Real seconds between a worker's figures of what it could have bid on."""

LEASE_S = 60.0
"""Real seconds a lease may be bid from after it was granted or topped up last, unless control is set otherwise: so long
bids go on without control, and so long at least the money of a worker that died is not to be had."""

DEAD_AFTER_S = 5.0
"""Real seconds without a heartbeat after which a worker counts as dead."""


class Register(Struct, frozen=True):
    host: str
    pid: int


class Registered(Struct, frozen=True):
    worker: int
    """Incarnation: positive, below 2³², never used again. The upper half of every bid id of this process."""
    version: int


class LeaseUse(Struct, frozen=True):
    """How much of a lease has been reserved by bids so far (it never falls)."""

    lease: int
    reserved: int
    granted: int = 0
    """All that the worker has heard of as granted on it: control tells it again what was lost on the way."""
    bids: int = 0
    """How many bids reserved it."""
    granted_bids: int | None = None
    """As ``granted``."""


class Supplied(Struct, frozen=True, array_like=True):
    """In how many auctions a line item could have bid since the worker registered: all but budget and pacing let it."""

    line_item: int
    auctions: int


class PaceOrder(Struct, frozen=True, array_like=True):
    """How hard a line item is to bid: ``multiplier`` × its price, in this ``share`` of the auctions. A fixed CPM's
    multiplier is at most 1; of bids that are worked out it is what budget and goal allow, up to
    `domain.strategy.MOST_PACE`.
    """

    line_item: int
    multiplier: float
    share: float


class BeliefOrder(Struct, frozen=True, array_like=True):
    """What is believed of a creative's rates in a line item (creative 0: of those that nothing is known of): Beta(a,
    b) of clicks among impressions, and of conversions among clicks. The last three are the line item's, as told with
    creative 0: the rates that are usual in its campaign, and nanos of the advertiser's currency that a conversion is
    worth (0: unknown).
    """

    line_item: int
    creative: int
    ctr_a: float
    ctr_b: float
    cvr_a: float
    cvr_b: float
    usual_ctr: float = 0.0
    usual_cvr: float = 0.0
    worth: float = 0.0


class Heartbeat(Struct, frozen=True):
    worker: int
    uses: tuple[LeaseUse, ...] = ()
    """Of every lease held: the latest figures."""
    returned: tuple[LeaseUse, ...] = ()
    """Leases that the worker gives back, with their final figures (ended, shutting down, or line item gone)."""
    stopping: bool = False
    supplied: tuple[Supplied, ...] = ()
    """Figures that changed since control heard of them, every `SUPPLY_S`."""
    paced: int = 0
    """`Grants.paced` of the last answer that was heard."""
    believed: int = 0
    """The same of `Grants.believed`."""


class Grant(Struct, frozen=True):
    """A worker holds at most one open lease a line item; a grant with the same id tops it up."""

    lease: int
    line_item: int
    granted: int
    """All that was granted on this lease so far; the worker may reserve up to it."""
    end_s: float
    """Real seconds from now until it ends."""
    bids: int | None = None
    """How many bids may be made from it altogether; None: as many as the money pays for."""


class Grants(Struct, frozen=True):
    version: int
    """The current snapshot."""
    grants: tuple[Grant, ...] = ()
    closed: tuple[int, ...] = ()
    """Leases that the worker must not use any more, and drops after reporting them in ``returned``."""
    paces: tuple[PaceOrder, ...] = ()
    """Orders that are newer than what the worker has heard of."""
    paced: int = 0
    """Number of the newest order."""
    workers: int = 1
    """How many are alive, this one included."""
    beliefs: tuple[BeliefOrder, ...] = ()
    """As ``paces``."""
    believed: int = 0
    """Number of the newest of them."""
    forget: bool = False
    """The worker is unknown (control was restored): register anew."""


class Settlement(Struct, frozen=True):
    """One booking of media spend, as the reporter ships it to the analytics store. Ids rise; gaps are possible.

    A bid has one, and one more for each correction of its price; prices in these are differences, so sums are right.
    """

    id: int
    received_ns: int
    """When the billing event reached the tracker."""
    bid: int
    exchange: int
    advertiser: int
    campaign: int
    line_item: int
    creative: int
    deal: int
    site: int
    price: int
    """Nanos of the exchange's currency."""
    currency: str
    account_price: int
    """Nanos of the advertiser's currency."""
    account_currency: str
    estimated: bool
    """No price was told: this is the bid's own, until a correction says the real one."""
    marks: int
    fees: int = 0
    """Nanos of the advertiser's currency, charged beside the account price."""
    number: int = 0
    """0: the billed bid itself. 1 and up: corrections of its price, in the order in which they were made."""
    context: int = 0
    """`domain.context_word` of the bid, so that spend can be told by its parts."""

    @property
    def cost(self) -> int:
        """What it takes from budgets: media and fees."""
        return self.account_price + self.fees


class Settlements(Struct, frozen=True):
    rows: tuple[Settlement, ...]
    behind: int
    """Bytes of money log that the settler has not read yet; 0 when the ledger is up to date."""


class LedgerHour(Struct, frozen=True, array_like=True):
    """What the ledger booked for bids of an account that were billed in one hour (UTC, counted from 1970)."""

    hour: int
    advertiser: int
    rows: int
    """Settlements, corrections included."""
    billed: int
    """Bids."""
    price: int
    """Nanos of the exchanges' currencies, added up as numbers: to be compared, no amount of money."""
    account_price: int
    """Nanos of the advertiser's currency."""
    fees: int


class LedgerHours(Struct, frozen=True):
    rows: tuple[LedgerHour, ...]
    settled_ns: int
    """All billing events that reached the trackers before then are booked."""


class Delivery(Struct, frozen=True):
    """Spend against plan of one line item, today in the advertiser's time zone. Nanos of the advertiser's currency."""

    line_item: int
    key: str
    name: str
    advertiser: str
    currency: str
    spent_today: int
    planned_now: int
    """What the plan wants spent by now; equals the budget for ``asap``."""
    budget_today: int
    reserved: int
    """Open leases and bids in flight."""


class ExchangeBooks(Struct, frozen=True):
    exchange: str
    currency: str
    billed: int
    """Bids booked."""
    spend: int
    """Nanos of the exchange's currency."""
    late: int = 0
    """Of the billed: those whose billing came after the bid's expiry."""
    estimated: int = 0
    """Of the billed: those whose price nobody has told yet."""


class Books(Struct, frozen=True):
    exchanges: tuple[ExchangeBooks, ...]
    behind: int
