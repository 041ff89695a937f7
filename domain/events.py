"""What happened, as records of the event log.

Each struct is a tagged msgpack array. A field is only ever appended, never moved or taken out, so that old segments
stay readable; every field is documented in docs/events.md. Times are nanoseconds UTC, money is nanos, ids of names are
`domain.naming.name_id`.
"""

from enum import IntEnum, IntFlag

import msgspec
from msgspec import Struct


class Kind(IntEnum):
    """Kinds of notices. The value is also the byte that a tracker URL's MAC binds."""

    WIN = 1
    BILLING = 2
    LOSS = 3
    IMPRESSION = 4
    CLICK = 5
    CONVERSION = 6
    EVENT = 7


class PlayEvent(IntEnum):
    """What a notice of the kind EVENT tells: how an ad plays, or whether it was in view. The names in lower case are
    those in tracker URLs.
    """

    START = 1
    FIRST_QUARTILE = 2
    MIDPOINT = 3
    THIRD_QUARTILE = 4
    COMPLETE = 5
    MUTE = 6
    UNMUTE = 7
    PAUSE = 8
    RESUME = 9
    SKIP = 10
    CLOSE = 11
    VIEWABLE = 12
    NOT_VIEWABLE = 13
    ERROR = 14


class Mark(IntFlag):
    """What a tracker knows about a notice beyond its content."""

    DUPLICATE = 1
    """The same exchange, bid, imp and kind (of EVENT: and event) was logged before; it counts nowhere."""
    LATE = 2
    """It came after the bid's expiry; it still counts and books."""
    CAPPED = 4
    """The price told was above the sealed maximum and was lowered to it."""
    AUDIT = 8
    """The price was the word AUDIT: no spend, and no impression, click or win counts."""
    NO_PRICE = 16
    """No price was told, or it could not be read."""
    TEST = 32
    """The bid answered a request with test=1: nothing counts or books."""
    FIRST = 64
    """The first counting notice that proves the bid won, be it win, billing or impression: wins are counted by it."""
    CONTRADICTION = 128
    """It disagrees with an earlier notice of the bid: another price, or a loss beside a win, billing or impression."""


PROOFS = (Kind.WIN, Kind.BILLING, Kind.IMPRESSION)
"""Each of these proves that the bid won, and can tell its price."""

NOT_COUNTED = Mark.DUPLICATE | Mark.AUDIT | Mark.TEST
"""A notice with any of these counts nowhere and books nothing."""


_UNTOLD = int(
    Mark.NO_PRICE | Mark.AUDIT | Mark.TEST
)  # a plain integer: with enum flags, an "and" costs half a microsecond


class Bid(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """One bid that was sent. ``bid`` is unique for ever: worker incarnation << 32 | counter."""

    time_ns: int
    bid: int
    imp: int
    """Position of the imp in the request."""
    auction: str
    """BidRequest.id"""
    exchange: int
    advertiser: int
    campaign: int
    line_item: int
    creative: int
    deal: int
    site: int
    """name_id of the site's domain or the app's bundle"""
    person: int
    price: int
    """Exchange currency."""
    floor: int
    """Exchange currency."""
    currency: str
    width: int
    height: int
    country: str
    """ISO 3166-1 alpha-3, or empty"""
    device_type: int
    """OpenRTB list 5.21, 0 unknown"""
    test: bool
    context: int = 0
    """`domain.context_word`"""
    features: bytes = b""
    """What the models were given of the impression (`prediction.features`): unsigned 32-bit values, little-endian."""
    model: int = 0
    """Version of the model that said ``ctr``; 0: none did."""
    ctr: float = 0.0
    """Probability of a click, calibrated; 0: nobody asked for it."""
    cvr: float = 0.0
    """Probability that a click converts; 0: nobody asked for it."""
    shadow_model: int = 0
    """Version of the model that was scored beside it, and decided nothing; 0: none."""
    shadow_ctr: float = 0.0
    explored: bool = False
    """The price was drawn so as to learn, and is not the best that was known."""
    value: int = 0
    """What one impression was thought to be worth to the advertiser; exchange currency. 0: nobody asked."""
    full_price: int = 0
    """``price`` before shading; exchange currency. 0: it was not shaded."""
    facts: int = 0
    """What was known of the person's risk and credit (`domain.worth.Fact`); what was not is 0 below."""
    fraud: int = 0
    device_risk: int = 0
    credit_score: int = 0
    pd: float = 0.0
    """Probability of default."""
    p_approved: float = 0.0
    """Probability of approval."""


class NoBid(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """A sampled no-bid; each stands for ``weight`` of them."""

    time_ns: int
    auction: str
    exchange: int
    reason: int
    """OpenRTB nbr (list 5.24), or one of openrtb.nobid's above 500"""
    stage: str
    weight: int
    site: int
    country: str


class Name(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """A dictionary row: what a name id stands for. Logged by a worker when it first meets the name."""

    dimension: str
    """``site`` (web domains and app bundles)"""
    id: int
    name: str


class Notice(Struct, frozen=True, array_like=True, tag=4, gc=False):
    """A win, billing, loss, impression, click or event notice; ``bid`` to ``basis`` are what its valid token says."""

    kind: int
    received_ns: int
    marks: int
    bid: int
    imp: int
    bid_ns: int
    exchange: int
    advertiser: int
    campaign: int
    line_item: int
    creative: int
    deal: int
    site: int
    person: int
    lease: int
    rate: int
    max_price: int
    """Exchange currency: what was bid, and reserved."""
    basis: int
    """The Kind that books this bid."""
    price: int
    """Exchange currency, an impression; 0 with NO_PRICE or AUDIT. After capping."""
    loss_reason: int
    min_to_win: int
    """Exchange currency; 0 unknown."""
    terms: int = 0
    """`domain.campaign.FeeTerms` of the bid; 0: no fees."""
    event: int = 0
    """Of the kind EVENT: a `PlayEvent`."""
    error: int = 0
    """Of `PlayEvent.ERROR`: the player's code (VAST 4.2, 2.3.6.3); 0 unknown."""
    multiplier: int = 0
    """Impressions that the price was told for, in millionths; 0: not told, one."""
    imp_ms: int = 0
    """When the exchange says that the impression was, milliseconds UTC; 0: not told."""
    mbr: int = 0
    """Market bid ratio, clearance price / bid price, in millionths; 0: not told."""
    discount_share: int = 0
    """Share of the bid that the seller took off, in millionths; ``price`` is what was left. 0: not told."""
    discount: int = 0
    """CPM micros, exchange currency; 0: not told."""
    device: int = 0
    """Number (32 bits of a hash) of the device whose counters the impression is in beside the person's; 0: none."""
    household: int = 0
    """The same of a household."""
    context: int = 0
    """`domain.context_word` of the bid"""


def tells_price(notice: Notice) -> bool:
    """Whether ``price`` was told by the exchange, and not in a test; a price of 0 can be."""
    return notice.kind in PROOFS and not notice.marks & _UNTOLD


class Conversion(Struct, frozen=True, array_like=True, tag=5, gc=False):
    """Something an advertiser wanted, with the click whose id was told (else ``bid`` and what follows are 0)."""

    received_ns: int
    marks: int
    advertiser: int
    event: str
    """What happened: ``lead``, ``application``, ``approved`` … as the advertiser named it."""
    order: str
    """The advertiser's own id of it; (advertiser, event, order) counts once."""
    value: int
    currency: str
    source: str
    """``pixel`` or ``postback``"""
    bid: int
    click_ns: int
    exchange: int
    campaign: int
    line_item: int
    creative: int
    deal: int
    site: int
    person: int
    happened_ns: int = 0
    """When it happened, where a postback told; 0: when it was received."""
    context: int = 0
    """`Notice.context` of the click."""


class Visit(Struct, frozen=True, array_like=True, tag=7, gc=False):
    """Somebody was on a page of an advertiser, says the page's pixel."""

    received_ns: int
    marks: int
    """TEST or AUDIT if the click that brought the person was one; such a visit counts nowhere."""
    advertiser: int
    page: str
    """The advertiser's name for the page."""
    url: str
    """Its address without scheme, query and fragment; empty if it was not told."""
    bid: int
    """Id of the bid whose ad was clicked; 0: known by no click."""
    person: int


Event = Bid | NoBid | Name | Notice | Conversion | Visit

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Event).decode
