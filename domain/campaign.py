"""What marketers define, as the immutable nouns that a published snapshot consists of.

Ids are integers given by the control plane's store and never used again. ``key`` is the name that people use in files
and on the command line. Times are nanoseconds UTC; money is nanos (or CPM micros) of the advertiser's currency unless
the name of the field says otherwise.
"""

from typing import Literal, TypeVar

from msgspec import Struct

from domain.creative import Audio, Native, Tracker, Verification, Video

T = TypeVar("T")

Status = Literal["active", "paused"]
Format = Literal["banner", "video", "audio", "native"]
FORMATS: tuple[Format, ...] = ("banner", "video", "audio", "native")
Basis = Literal["burl", "impression", "nurl"]
"""The event that books spend."""
PriceSource = Literal["macro", "encrypted", "none"]
"""Where a notice's price is: in the clear, encrypted, or nowhere."""
Funding = Literal["open", "prepaid", "credit"]
Pacing = Literal["even", "ahead", "asap"]

CLICK_MACRO = "${CLICK_URL}"
"""Where a creative's own markup wants the click tracker; every such markup has it at least once."""
IMPRESSION_MACRO = "${IMPRESSION_URL}"
"""Where it wants the impression tracker; without it, a pixel is put behind the markup."""


class FrequencyCap(Struct, frozen=True, forbid_unknown_fields=True):
    """At most ``impressions`` in any rolling window of ``seconds``, for one person."""

    impressions: int
    seconds: int


def every_format(word: T) -> dict[Format, T]:
    """The same for all formats."""
    return dict.fromkeys(FORMATS, word)


class Limits(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What may be spent (nanos of the account's currency, fees included) and shown (impressions) in an hour, in a day,
    and altogether. None is no limit. Hours and days are the account's, in its time zone.
    """

    hourly_budget: int | None = None
    daily_budget: int | None = None
    total_budget: int | None = None
    hourly_impressions: int | None = None
    daily_impressions: int | None = None
    total_impressions: int | None = None


class Exchange(Struct, frozen=True, forbid_unknown_fields=True):
    """One seller's endpoint: ``POST /openrtb2/{key}``."""

    id: int
    key: str
    currency: str
    """The currency that we bid and are billed in, ISO 4217."""
    billing: dict[Format, Basis]
    """The event that books spend, for each format. A format without one gets no bids."""
    auction_type: int = 2
    """What an absent ``at`` means: 1 first price, 2 second price plus."""
    price_source: dict[Format, PriceSource] = {}
    """For each format; ``macro`` where nothing is said."""
    price_key: str = ""
    """Decrypts prices: encryption key and integrity key, 32 bytes each, together in base64."""
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


class Fee(Struct, frozen=True, forbid_unknown_fields=True):
    """What an advertiser pays beside the media: a share of it, or so much an impression."""

    id: int
    key: str
    name: str
    share_ppm: int = 0
    """Millionths of the media cost; 0: not a share."""
    cpm: int = 0
    """CPM micros of the advertiser's currency: nanos an impression; 0: not by impression."""


class FeePart(Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """One fee as it was agreed: a `Fee`, or the data fee of an `Audience`, by id."""

    kind: Literal["fee", "data"]
    of: int
    share_ppm: int
    cpm: int


class FeeTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """The fees that a bid was made under, all together. Never changed: bids in flight name them by id."""

    id: int
    parts: tuple[FeePart, ...]


class Agency(Struct, frozen=True, forbid_unknown_fields=True):
    """Who buys for several advertisers; its limits and funds hold for all of them together, in one currency."""

    id: int
    key: str
    name: str
    currency: str
    time_zone: str
    limits: Limits = Limits()
    funding: Funding = "open"
    credit_limit: int = 0
    status: Status = "active"


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
    agency: int = 0
    """0: none."""
    limits: Limits = Limits()
    funding: Funding = "open"
    """``open``: billed afterwards, without a limit; ``prepaid``: may spend what was paid in; ``credit``: and so much
    more."""
    credit_limit: int = 0
    fees: tuple[int, ...] = ()
    """Of every campaign that does not name its own."""
    status: Status = "active"


class Campaign(Struct, frozen=True, forbid_unknown_fields=True):
    """A flight and its limits."""

    id: int
    key: str
    advertiser: int
    name: str
    start_ns: int
    end_ns: int
    limits: Limits = Limits()
    fees: tuple[int, ...] | None = None
    """None: the advertiser's."""
    frequency_caps: tuple[FrequencyCap, ...] = ()
    status: Status = "active"


class LineItem(Struct, frozen=True, forbid_unknown_fields=True):
    """A target, a price, a budget, and the creatives to show."""

    id: int
    key: str
    campaign: int
    name: str
    bid_cpm: int
    """CPM micros of the advertiser's currency: nanos an impression, fees included."""
    targeting: "Targeting"
    creatives: tuple[int, ...]
    limits: Limits = Limits()
    pacing: Pacing = "even"
    frequency_caps: tuple[FrequencyCap, ...] = ()
    deals: tuple[int, ...] = ()
    """If given, the line item buys through these deals only."""
    activated_ns: int = 0
    """When it was first published: an even plan's first day begins here, not at midnight."""
    status: Status = "active"
    terms: int = 0
    """`FeeTerms` that it bids under; only in a snapshot. 0: no fees."""


class Targeting(Struct, frozen=True, forbid_unknown_fields=True):
    """Every dimension of ``all_of`` must have one of its values, and no dimension of ``none_of`` any of its."""

    all_of: dict[str, tuple[str, ...]] = {}
    none_of: dict[str, tuple[str, ...]] = {}


class Creative(Struct, frozen=True, forbid_unknown_fields=True):
    """What is shown. Of a banner, ``image_url`` (we write the markup) or ``markup`` (HTML with our click macro); of
    another format, the part that has the format's name.
    """

    id: int
    key: str
    advertiser: int
    width: int
    height: int
    """Of the banner or the video, pixels; 0 for audio and native."""
    landing_url: str
    image_url: str = ""
    markup: str = ""
    attributes: tuple[int, ...] = ()
    """OpenRTB creative attributes (list 5.3), checked against ``battr``."""
    mime: str = "image/png"
    """Of ``image_url``."""
    status: Status = "active"
    format: Format = "banner"
    video: Video | None = None
    audio: Audio | None = None
    native: Native | None = None
    apis: tuple[int, ...] = ()
    """API frameworks (list 5.6) that it cannot do without: a request must list each."""
    expands: tuple[int, ...] = ()
    """Directions that a banner expands to (list 5.5), checked against ``expdir``."""
    trackers: tuple[Tracker, ...] = ()
    verifications: tuple[Verification, ...] = ()
    viewability: bool = False
    """Of a banner: measure by a script in the markup. Such a banner is a script to ``btype``."""
    language: str = ""
    """ISO 639-1; checked against ``wlang``. Empty: none in particular."""
    categories: tuple[str, ...] = ()
    """In place of the advertiser's, if given."""
    domain: str = ""
    """In place of the advertiser's, if given."""


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
    data_cpm: int = 0
    """Data fee: CPM micros of the advertiser's currency for impressions of line items that target it."""


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
    agencies: tuple[Agency, ...] = ()
    terms: tuple[FeeTerms, ...] = ()
    """Those that line items bid under."""
