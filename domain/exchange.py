"""Exchanges as they are defined: how each is bid to, what it tells, by what it bills, what it thinks of creatives."""

from typing import Any, Literal

from msgspec import Struct

from domain.creative import Format

Basis = Literal["burl", "impression", "nurl"]
"""The event that books spend."""
PriceSource = Literal["macro", "encrypted", "none"]
"""Where a notice's price is: in the clear, encrypted, or nowhere."""
NoticeUrl = Literal["nurl", "burl", "lurl"]
PricePlace = Literal["nurl", "burl", "pixel"]
NoticeFact = Literal["mbr", "discount", "imp_ts", "multiplier"]
ApprovalStatus = Literal["not_submitted", "pending", "approved", "disapproved"]
CreativeApi = Literal["none", "google", "xandr"]


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


SYNC_MACROS = ("UID", "GDPR", "GDPR_CONSENT", "GPP", "GPP_SID", "US_PRIVACY")
"""What stands in the URLs of `UserSync` as ``${UID}`` and so on: our id of the browser, and the privacy signals that
the request came with, percent-encoded; empty for what is not told.
"""


class UserSync(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Cookie sync with an exchange: which URLs a browser may be sent to, and no others."""

    match: str = ""
    """The exchange's, for our id (``${UID}``); empty: it takes none."""
    answer: str = ""
    """Where a browser goes on to that the exchange sent with its own id; empty: it gets a pixel."""
    uid: Literal["user", "buyeruid"] = "user"
    """As what the exchange's id comes in bid requests."""


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
    user_sync: UserSync = UserSync()


class Approval(Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What an exchange thinks of a creative as it is now; without one it was not submitted there."""

    creative: int
    exchange: int
    status: ApprovalStatus
    reasons: tuple[str, ...] = ()
    """Of a disapproval, in the exchange's words."""
