"""What marketers define, as the immutable nouns that a published snapshot consists of.

Ids are integers given by the control plane's store and never used again. ``key`` is the name that people use in files
and on the command line. Times are nanoseconds UTC; money is nanos (or CPM micros) of the advertiser's currency unless
the name of the field says otherwise.
"""

from typing import Literal

from msgspec import Struct

Status = Literal["active", "paused"]
Basis = Literal["burl", "impression", "nurl"]

CLICK_MACRO = "${CLICK_URL}"
"""Where a creative's own markup wants the click tracker; every such markup has it at least once."""


class FrequencyCap(Struct, frozen=True, forbid_unknown_fields=True):
    """At most ``impressions`` in any rolling window of ``seconds``, for one person."""

    impressions: int
    seconds: int


class Exchange(Struct, frozen=True, forbid_unknown_fields=True):
    """One seller's endpoint: ``POST /openrtb2/{key}``."""

    id: int
    key: str
    currency: str
    """The currency that we bid and are billed in, ISO 4217."""
    billing: Basis
    """The event that books spend for banners. An exchange without a basis gets no bids (so it cannot be defined)."""
    auction_type: int = 2
    """What an absent ``at`` means: 1 first price, 2 second price plus."""
    price_source: Literal["macro", "none"] = "macro"
    seat: str = "outbid"
    secret: str = ""
    """If set, requests must carry it in the header ``X-Outbid-Secret``."""
    bid_expiry_s: int = 300
    """How long after the auction a billing can still arrive; the reservation is kept as long."""
    no_bid: Literal["nbr", "204"] = "nbr"
    """How a no-bid is told: a response with the reason code, or status 204 without a body."""
    network_ms: int = 10
    """Subtracted from ``tmax``: the way back to the exchange is part of it."""


class Rate(Struct, frozen=True, forbid_unknown_fields=True):
    """One unit of ``base`` is ``per_unit / 10⁹`` units of ``quote`` from ``day`` (YYYY-MM-DD) on."""

    id: int
    base: str
    quote: str
    day: str
    per_unit: int


class Advertiser(Struct, frozen=True, forbid_unknown_fields=True):
    """Who pays."""

    id: int
    key: str
    name: str
    currency: str
    time_zone: str
    domain: str
    """The landing domain, sent as ``adomain``."""
    categories: tuple[str, ...]
    """IAB content categories of what is advertised, sent as ``cat``, checked against ``bcat``."""
    status: Status = "active"


class Campaign(Struct, frozen=True, forbid_unknown_fields=True):
    """A flight and its limits."""

    id: int
    key: str
    advertiser: int
    name: str
    start_ns: int
    end_ns: int
    daily_budget: int | None
    total_budget: int | None
    frequency_caps: tuple[FrequencyCap, ...] = ()
    status: Status = "active"


class LineItem(Struct, frozen=True, forbid_unknown_fields=True):
    """A target, a price, a budget, and the creatives to show."""

    id: int
    key: str
    campaign: int
    name: str
    bid_cpm: int
    """CPM micros of the advertiser's currency: nanos an impression."""
    targeting: "Targeting"
    creatives: tuple[int, ...]
    daily_budget: int | None = None
    total_budget: int | None = None
    pacing: Literal["even", "asap"] = "even"
    frequency_caps: tuple[FrequencyCap, ...] = ()
    deals: tuple[int, ...] = ()
    """If given, the line item buys through these deals only."""
    activated_ns: int = 0
    """When it was first published: an even plan's first day begins here, not at midnight."""
    status: Status = "active"


class Targeting(Struct, frozen=True, forbid_unknown_fields=True):
    """Every dimension of ``all_of`` must have one of its values, and no dimension of ``none_of`` any of its."""

    all_of: dict[str, tuple[str, ...]] = {}
    none_of: dict[str, tuple[str, ...]] = {}


class Creative(Struct, frozen=True, forbid_unknown_fields=True):
    """A banner: either ``image_url`` (we write the markup) or ``markup`` (HTML with our click macro)."""

    id: int
    key: str
    advertiser: int
    width: int
    height: int
    landing_url: str
    image_url: str = ""
    markup: str = ""
    attributes: tuple[int, ...] = ()
    """OpenRTB creative attributes (list 5.3), checked against ``battr``."""
    mime: str = "image/png"
    status: Status = "active"


class Deal(Struct, frozen=True, forbid_unknown_fields=True):
    """A private deal: ``code`` is the exchange's name for it (``deals[].id``)."""

    id: int
    code: str
    exchange: int
    advertiser: int


class Audience(Struct, frozen=True, forbid_unknown_fields=True):
    """A list of individuals; membership itself is in the profile store."""

    id: int
    key: str
    advertiser: int
    name: str
    size: int


class Snapshot(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a bidder decides on, at one version; published whole, swapped whole. Paused items are in it too."""

    version: int
    published_ns: int
    exchanges: tuple[Exchange, ...]
    rates: tuple[Rate, ...]
    """For every pair of exchange currency and advertiser currency the newest rate (base the exchange's, quote the
    advertiser's), and one from every other currency that floors come in to each exchange's currency."""
    advertisers: tuple[Advertiser, ...]
    campaigns: tuple[Campaign, ...]
    line_items: tuple[LineItem, ...]
    creatives: tuple[Creative, ...]
    deals: tuple[Deal, ...]
    audiences: tuple[Audience, ...]
