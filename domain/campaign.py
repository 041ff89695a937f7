"""What marketers define, as the immutable nouns that a published snapshot consists of.

Ids are integers given by the control plane's store and never used again. ``key`` is the name that people use in files
and on the command line. Times are nanoseconds UTC; money is nanos (or CPM micros) of the advertiser's currency unless
the name of the field says otherwise.
"""

from typing import Any, Literal, TypeVar

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
NoticeUrl = Literal["nurl", "burl", "lurl"]
PricePlace = Literal["nurl", "burl", "pixel"]
NoticeFact = Literal["mbr", "discount", "imp_ts", "multiplier"]
ApprovalStatus = Literal["not_submitted", "pending", "approved", "disapproved"]
CreativeApi = Literal["none", "google", "xandr"]
Funding = Literal["open", "prepaid", "credit"]
Pacing = Literal["even", "ahead", "asap"]
AdsTxtRule = Literal["any", "not_unauthorised", "authorised", "direct"]
SchainRule = Literal["any", "not_incomplete", "complete"]
SellersJsonRule = Literal["any", "not_missing", "listed"]
Interstitials = Literal["any", "only", "never"]
INTERSTITIALS: tuple[Interstitials, ...] = ("any", "only", "never")
Roadblock = Literal["none", "request", "page"]
ROADBLOCKS: tuple[Roadblock, ...] = ("none", "request", "page")

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


class Privacy(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a privacy signal leaves us on an exchange, where it forbids more: an ad by context, or no bid at all.

    ``ignore`` is for exchanges that raise a signal on everything, or whose own rules already follow it.
    """

    coppa: Literal["no_bid", "contextual"] = "no_bid"
    """The request is about a child's device, page or app."""
    lmt: Literal["contextual", "ignore", "no_bid"] = "contextual"
    dnt: Literal["contextual", "ignore", "no_bid"] = "contextual"
    gdpr: Literal["contextual", "no_bid"] = "contextual"
    """GDPR applies, and no TCF consent covers us."""
    us: Literal["contextual", "no_bid"] = "contextual"
    """Somebody opted out under a law of the United States, or GPC says so."""


class NoticeStyle(Struct, frozen=True, forbid_unknown_fields=True):
    """Which notices an exchange calls, and by which macros it tells what."""

    urls: tuple[NoticeUrl, ...] = ("nurl", "burl", "lurl")
    """Sent with bids; ``burl`` where it books."""
    price_macro: str = "${AUCTION_PRICE}"
    price_in: tuple[PricePlace, ...] = ("nurl", "burl", "pixel")
    """Where the exchange puts its price: some allow one macro only."""
    min_to_win_macro: str = "${AUCTION_MIN_TO_WIN}"
    """Empty: not told."""
    facts: tuple[NoticeFact, ...] = ()
    """What ``nurl`` and ``burl`` ask for besides: market bid ratio, discount, time of the impression, multiplier. On
    screens in public places (DOOH) the last two are always asked for."""


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
    no_bid: Literal["nbr", "204", "empty"] = "nbr"
    """How a no-bid is told: a response with the reason code, status 204 without a body, or ``{}``."""
    network_ms: int = 10
    """Subtracted from ``tmax``: the way back to the exchange is part of it."""
    privacy: Privacy = Privacy()
    ads_domain: str = ""
    """What ads.txt files and supply chains call this exchange; empty: not known, so that its sellers are not either."""
    adapter: str = "generic"
    """Of `openrtb.adapters`: where the fields came from that the campaign file left out, and what is done otherwise."""
    notices: NoticeStyle = NoticeStyle()
    price_unit: Literal["cpm", "cpi"] = "cpm"
    """What an encrypted price counts: micros of a CPM, or of one impression's cost."""
    buyer_fee_ppm: int = 0
    """Millionths that the exchange charges on top of the price that it tells; 0: the price told is all."""
    click_macro: str = ""
    """Of the exchange's own click tracker; it is put before ours."""
    click_escapes: int = 0
    """How often our click URL is percent-encoded behind ``click_macro``."""
    qps: int = 0
    """Requests a second that are looked at, all workers together; 0: all."""
    billing_id: str = ""
    """Whom the exchange bills, where it asks for that in each bid."""
    bid_ext: dict[str, Any] = {}
    """``ext`` of every bid."""
    expiries_s: dict[Format, int] = {}
    """By format, where ``bid_expiry_s`` (then the longest of them) is not the same for all."""
    approval: Literal["optional", "required"] = "optional"
    """``required``: only creatives that the exchange has approved are bid with. Disapproved ones never are."""
    creative_api: CreativeApi = "none"
    """How creatives are submitted for approval."""
    creative_account: str = ""
    """Ours, where creatives are submitted."""


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
    categories_in: dict[str, tuple[str, ...]] = {}
    """The same in other taxonomies (`openrtb.taxonomies.CODES`), for requests whose ``cattax`` names them."""
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


class SupplyRules(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Through whose hands a line item's impressions may come. What is not known passes the rules that begin with
    ``not_``, and no other but ``any``.
    """

    ads_txt: AdsTxtRule = "any"
    """What the seller is to the publisher: ``direct``, or also an authorised reseller, or not told to be neither."""
    schain: SchainRule = "any"
    sellers_json: SellersJsonRule = "any"
    """Is each seller in the sellers.json of its advertising system?"""
    max_hops: int = 0
    """Most nodes of a supply chain; 0: any number."""


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
    """Deals that the line item buys through."""
    deals_only: bool = True
    """With deals: does it stay out of the open auction?"""
    interstitials: Interstitials = "any"
    """Whether it takes full-screen placements (``imp.instl``), or nothing else."""
    roadblock: Roadblock = "none"
    """All or nothing: bid on all imps of a request, to be won together (``seatbid.group``); ``page``: only where the
    exchange says that these are all of the page (``allimps``)."""
    separate_categories: bool = False
    """Never in one response with another advertiser of the same uppermost category."""
    separate_from: tuple[int, ...] = ()
    """Advertisers, by id, that it is never in one response with."""
    activated_ns: int = 0
    """When it was first published: an even plan's first day begins here, not at midnight."""
    status: Status = "active"
    supply: SupplyRules = SupplyRules()
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
    """ISO 639-1, or ``xx`` for one without words; checked against ``wlang``. Empty: not known, so not shown where it
    matters."""
    categories: tuple[str, ...] = ()
    """In place of the advertiser's, if given."""
    domain: str = ""
    """In place of the advertiser's, if given."""
    bundle: str = ""
    """Store id of the app that is advertised, sent as ``bundle``, checked against ``bapp``."""


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


class BlockList(Struct, frozen=True, forbid_unknown_fields=True):
    """Where nothing is bought, by one agency, advertiser or campaign, or (all three 0) by anybody of the house."""

    id: int
    key: str
    agency: int = 0
    advertiser: int = 0
    campaign: int = 0
    domains: tuple[str, ...] = ()
    """Sites, with their sub-domains, and apps of that developer."""
    bundles: tuple[str, ...] = ()
    publishers: tuple[tuple[int, str], ...] = ()
    """Exchange, and the publisher's account there."""
    nodes: tuple[tuple[str, str], ...] = ()
    """Advertising system and seller (empty: all its sellers) in a supply chain."""
    status: Status = "active"


class Approval(Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What an exchange thinks of a creative as it is now; without one it was not submitted there."""

    creative: int
    exchange: int
    status: ApprovalStatus
    reasons: tuple[str, ...] = ()
    """Of a disapproval, in the exchange's words."""


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
    block_lists: tuple[BlockList, ...] = ()
    approvals: tuple[Approval, ...] = ()
