"""Exchanges as a campaign file says them."""

from typing import Any, TypeVar

import msgspec

from campaigns.written import Form, changed, given, share
from domain.creative import FORMATS, Format
from domain.exchange import Exchange, NoticeStyle, Privacy, UserSync
from openrtb.adapters.registry import ADAPTERS

T = TypeVar("T")
PLAIN: dict[str, Any] = {
    "auction_type": 2,
    "seat": "outbid",
    "no_bid": "nbr",
    "network_ms": 10,
    "price_unit": "cpm",
    "approval": "optional",
    "creative_api": "none",
    "click_escapes": 0,
    "qps": 0,
}
"""Of fields that are written as they are kept: what they are where neither file nor adapter says anything. Text is
empty."""
TEXTS = ("price_key", "secret", "ads_domain", "click_macro", "billing_id", "creative_account")
EXPIRY_S = 300


def exchange(it: Exchange) -> Form:
    """An entry of the section ``exchanges``. What the adapter would say as well is written all the same: with a later
    release it may say something else."""
    settings = ADAPTERS[it.adapter].profile.settings
    said: Form = {
        name: getattr(it, name)
        for name, default in (*PLAIN.items(), *dict.fromkeys(TEXTS, "").items())
        if getattr(it, name) != default or name in settings
    }
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
