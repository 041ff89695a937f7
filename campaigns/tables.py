"""Tables of what marketers define: a column for each field of `domain.campaign`, with the same name.

References are ids. ``key`` is what people call a thing by, and is unique among its kind.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Integer, String, Table, Text

from pacing.tables import metadata


def _id() -> Column[int]:
    return Column("id", BigInteger, primary_key=True, autoincrement=False)


def _key() -> Column[str]:
    return Column("key", String(64), nullable=False, unique=True)


def _of(name: str, target: str) -> Column[int]:
    return Column(name, BigInteger, ForeignKey(f"{target}.id"), nullable=False, index=True)


def _status() -> Column[str]:
    return Column("status", String(8), nullable=False)


def _limits() -> Column[Any]:
    return Column("limits", JSON, nullable=False, comment="the fields of `domain.campaign.Limits` that are set")


def _attribution() -> Column[Any]:
    return Column(
        "attribution", JSON, nullable=False, comment="the fields of `domain.attribution.Attribution` that are set"
    )


def _funding() -> tuple[Column[Any], ...]:
    return Column("funding", String(8), nullable=False), Column("credit_limit", BigInteger, nullable=False)


exchanges = Table(
    "exchanges",
    metadata,
    _id(),
    _key(),
    Column("currency", String(3), nullable=False),
    Column("billing", JSON, nullable=False, comment="by format"),
    Column("auction_type", Integer, nullable=False),
    Column("price_source", JSON, nullable=False, comment="by format"),
    Column("price_key", String(255), nullable=False),
    Column("seat", String(64), nullable=False),
    Column("secret", String(255), nullable=False),
    Column("bid_expiry_s", Integer, nullable=False),
    Column("no_bid", String(8), nullable=False),
    Column("network_ms", Integer, nullable=False),
    Column("privacy", JSON, nullable=False, comment="the fields of `domain.exchange.Privacy` that are set"),
    Column("ads_domain", String(255), nullable=False),
    Column("adapter", String(32), nullable=False),
    Column("notices", JSON, nullable=False, comment="`domain.exchange.NoticeStyle`"),
    Column("price_unit", String(8), nullable=False),
    Column("buyer_fee_ppm", BigInteger, nullable=False),
    Column("click_macro", String(64), nullable=False),
    Column("click_escapes", Integer, nullable=False),
    Column("qps", Integer, nullable=False),
    Column("billing_id", String(64), nullable=False),
    Column("bid_ext", JSON, nullable=False),
    Column("expiries_s", JSON, nullable=False, comment="by format"),
    Column("approval", String(8), nullable=False),
    Column("creative_api", String(16), nullable=False),
    Column("creative_account", String(64), nullable=False),
    Column("user_sync", JSON, nullable=False, comment="the fields of `domain.exchange.UserSync` that are set"),
)

agencies = Table(
    "agencies",
    metadata,
    _id(),
    _key(),
    Column("name", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("time_zone", String(64), nullable=False),
    _limits(),
    *_funding(),
    _status(),
)

fees = Table(
    "fees",
    metadata,
    _id(),
    _key(),
    Column("name", Text, nullable=False),
    Column("share_ppm", BigInteger, nullable=False),
    Column("cpm", BigInteger, nullable=False),
)

advertisers = Table(
    "advertisers",
    metadata,
    _id(),
    _key(),
    Column("name", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("domain", String(255), nullable=False),
    Column("categories", JSON, nullable=False),
    Column("categories_in", JSON, nullable=False, comment="by taxonomy"),
    Column("agency", BigInteger, nullable=False, index=True, comment="0: none"),
    _limits(),
    *_funding(),
    Column("fees", JSON, nullable=False),
    _status(),
    Column("frequency_caps", JSON, nullable=False),
    Column("suppress", JSON, nullable=False, comment="audiences"),
    Column("lifecycle", JSON, nullable=False, comment="stages by conversions"),
    _attribution(),
)

campaigns = Table(
    "campaigns",
    metadata,
    _id(),
    _key(),
    _of("advertiser", "advertisers"),
    Column("name", Text, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    _limits(),
    Column("fees", JSON, comment="null: the advertiser's"),
    Column("frequency_caps", JSON, nullable=False),
    _status(),
    Column("special_category", String(16), nullable=False, comment="empty: none"),
    Column("suppress", JSON, nullable=False, comment="audiences"),
    _attribution(),
)

line_items = Table(
    "line_items",
    metadata,
    _id(),
    _key(),
    _of("campaign", "campaigns"),
    Column("name", Text, nullable=False),
    Column("bid_cpm", BigInteger, nullable=False),
    Column("targeting", JSON, nullable=False, comment="hours of the week are the advertiser's own here, not UTC"),
    _limits(),
    Column("pacing", String(8), nullable=False),
    Column("frequency_caps", JSON, nullable=False),
    Column("deals_only", Boolean, nullable=False),
    Column("interstitials", String(8), nullable=False),
    Column("roadblock", String(8), nullable=False),
    Column("separate_categories", Boolean, nullable=False),
    Column("separate_from", JSON, nullable=False, comment="advertisers"),
    Column("one_per_pod", String(16), nullable=False),
    Column("pod_slot", String(8), nullable=False),
    Column("activated_ns", BigInteger, nullable=False, comment="0: not published yet"),
    _status(),
    Column("supply", JSON, nullable=False, comment="the fields of `domain.campaign.SupplyRules` that are set"),
    Column("strategy", JSON, nullable=False, comment="the fields of `domain.strategy.Strategy` that are set"),
    Column("bid_cap_cpm", BigInteger, nullable=False, comment="0: bid_cpm"),
    Column("multipliers", JSON, nullable=False),
    Column("risk", JSON, nullable=False, comment="the fields of `domain.worth.RiskRules` that are set"),
)

creatives = Table(
    "creatives",
    metadata,
    _id(),
    _key(),
    _of("advertiser", "advertisers"),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("landing_url", Text, nullable=False),
    Column("image_url", Text, nullable=False),
    Column("markup", Text, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("mime", String(64), nullable=False),
    _status(),
    Column("format", String(8), nullable=False),
    Column("video", JSON, comment="null: it is of another format"),
    Column("audio", JSON, comment="null: it is of another format"),
    Column("native", JSON, comment="null: it is of another format"),
    Column("apis", JSON, nullable=False),
    Column("expands", JSON, nullable=False),
    Column("trackers", JSON, nullable=False),
    Column("verifications", JSON, nullable=False),
    Column("categories", JSON, nullable=False, comment="empty: the advertiser's"),
    Column("viewability", Boolean, nullable=False),
    Column("language", String(2), nullable=False),
    Column("domain", String(255), nullable=False, comment="empty: the advertiser's"),
    Column("bundle", String(255), nullable=False),
    Column("frequency_caps", JSON, nullable=False),
)

deals = Table(
    "deals",
    metadata,
    _id(),
    _key(),
    Column("code", String(255), nullable=False),
    _of("exchange", "exchanges"),
    _of("advertiser", "advertisers"),
)

audiences = Table(
    "audiences",
    metadata,
    _id(),
    _key(),
    _of("advertiser", "advertisers"),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("data_cpm", BigInteger, nullable=False),
    Column("frequency_caps", JSON, nullable=False),
    Column("ttl_s", BigInteger, nullable=False, comment="0: for ever"),
    Column("of", JSON, comment="`domain.audience.AudienceSet`; null: it has members of its own"),
    Column("rule", JSON, comment="null: it is a list"),
    Column("lookalike_of", BigInteger, nullable=False, comment="0: it is no lookalike"),
)

line_item_creatives = Table(
    "line_item_creatives",
    metadata,
    Column("line_item", BigInteger, ForeignKey("line_items.id"), primary_key=True),
    Column("creative", BigInteger, ForeignKey("creatives.id"), primary_key=True),
)

line_item_deals = Table(
    "line_item_deals",
    metadata,
    Column("line_item", BigInteger, ForeignKey("line_items.id"), primary_key=True),
    Column("deal", BigInteger, ForeignKey("deals.id"), primary_key=True),
)

block_lists = Table(
    "block_lists",
    metadata,
    _id(),
    _key(),
    Column("agency", BigInteger, nullable=False, comment="0: of none; all three 0: of the whole house"),
    Column("advertiser", BigInteger, nullable=False),
    Column("campaign", BigInteger, nullable=False),
    Column("domains", JSON, nullable=False),
    Column("bundles", JSON, nullable=False),
    Column("publishers", JSON, nullable=False, comment="[exchange, account] of each"),
    Column("nodes", JSON, nullable=False, comment="[advertising system, seller or empty] of each"),
    _status(),
)

approvals = Table(
    "approvals",
    metadata,
    Column("creative", BigInteger, ForeignKey("creatives.id"), primary_key=True),
    Column("exchange", BigInteger, ForeignKey("exchanges.id"), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("reasons", JSON, nullable=False, comment="texts, of a disapproval"),
    Column("fingerprint", String(32), nullable=False, comment="of the creative that this is said of"),
    Column("submitted_ns", BigInteger, nullable=False, comment="0: not by us"),
    Column("checked_ns", BigInteger, nullable=False, comment="when the exchange was asked last"),
    Column("due_ns", BigInteger, nullable=False, comment="when the exchange is to be asked next"),
    Column("attempts", Integer, nullable=False, comment="failed ones since the last that did not fail"),
    Column("trouble", Text, nullable=False, comment="why the last attempt failed"),
    comment="What exchanges think of creatives; a missing row: not submitted",
)

resources = Table(
    "resources",
    metadata,
    Column("kind", String(16), primary_key=True, comment="as in `campaigns.catalogue.KINDS`"),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False, comment="of its history, the newest"),
    Column("created_ns", BigInteger, nullable=False, comment="0: before there was a history"),
    Column("updated_ns", BigInteger, nullable=False),
    Column("deleted_ns", BigInteger, nullable=False, comment="0: it is there"),
    comment=(
        "Of what is defined above: when, and whether it is deleted. A missing row: never changed since there is one"
    ),
)

history = Table(
    "history",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False, comment="1 is the oldest"),
    Column("at_ns", BigInteger, nullable=False, comment="0: before there was a history"),
    Column("by", String(80), nullable=False, comment="an API key's id, `file`, or who else"),
    Column("action", String(16), nullable=False),
    Column("entry", JSON, nullable=False, comment="as a campaign file has it, decimals as text"),
    comment="What things were, whole, after each change",
)

answers = Table(
    "answers",
    metadata,
    Column("caller", String(80), primary_key=True),
    Column("key", String(255), primary_key=True, comment="header Idempotency-Key"),
    Column("request", String(64), nullable=False, comment="SHA-256 of what was asked"),
    Column("status", Integer, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False, index=True),
    comment="What the API answered to writes that may be repeated; kept for a day",
)

revision = Table(
    "revision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False, comment="rises with every change to anything above"),
    Column("published", BigInteger, nullable=False, comment="the version that control published last"),
    Column("published_ns", BigInteger, nullable=False),
    comment="One row",
)
