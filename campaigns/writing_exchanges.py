"""Exchanges as a campaign file says them."""

from typing import TypeVar

import msgspec

from campaigns.adapting import EXPIRY_S
from campaigns.written import Form, changed, given, otherwise, share
from domain.creative import FORMATS, Format
from domain.exchange import Exchange, NoticeStyle, Privacy, UserSync
from openrtb.adapters.registry import ADAPTERS

T = TypeVar("T")
PLAIN = (
    *("auction_type", "price_key", "seat", "secret", "no_bid", "network_ms", "ads_domain", "price_unit", "click_macro"),
    *("click_escapes", "qps", "billing_id", "approval", "creative_api", "creative_account"),
)
"""Fields that are written as they are kept."""


def exchange(it: Exchange) -> Form:
    """An entry of the section ``exchanges``. What the adapter would say as well is written all the same: with a later
    release it may say something else."""
    settings = ADAPTERS[it.adapter].profile.settings
    said = otherwise(it, *PLAIN) | {name: getattr(it, name) for name in PLAIN if name in settings}
    expiry = _by_format(it.expiries_s) if it.expiries_s else it.bid_expiry_s
    notices = msgspec.to_builtins(it.notices) if it.notices != NoticeStyle() or "notices" in settings else None
    return (
        {"key": it.key, "currency": it.currency}
        | ({"adapter": it.adapter} if it.adapter != "generic" else {})
        | {"billing": _by_format(it.billing)}
        | given(
            price_source=_by_format(it.price_source) if it.price_source else None,
            bid_expiry_s=expiry if expiry != EXPIRY_S or "bid_expiry_s" in settings else None,
            privacy=changed(it.privacy, Privacy()),
            notices=notices,
            buyer_fee=share(it.buyer_fee_ppm) if it.buyer_fee_ppm else None,
            bid_ext=it.bid_ext,
            user_sync=changed(it.user_sync, UserSync()),
        )
        | said
    )


def _by_format(told: dict[Format, T]) -> T | dict[Format, T]:
    """One value where it is that of all formats."""
    same = list(told.values())
    return same[0] if len(told) == len(FORMATS) and same.count(same[0]) == len(same) else told
