"""What follows the token in the notice URLs of one exchange: the macros by which it tells price, currency and the rest.

The parameters' names are read by `trackers.prices` and `trackers.notices` (docs/trackers.md).
"""

from typing import Literal

from domain.creative import Format
from domain.exchange import Exchange, PriceSource

Place = Literal["nurl", "burl", "lurl", "pixel"]

PARAMETER: dict[PriceSource, str] = {"macro": "p", "encrypted": "e", "none": ""}
BASE64 = ":B64}"
"""End of a price macro with the suffix for base64 (OpenRTB 4.4)."""
FACTS = {
    "mbr": "mbr=${AUCTION_MBR}",
    "discount": "dp=${AUCTION_DISCOUNT_PCT}&dc=${AUCTION_DISCOUNT_CPM}",
    "imp_ts": "t=${AUCTION_IMP_TS}",
    "multiplier": "x=${AUCTION_MULTIPLIER}",
}


def notice_query(exchange: Exchange, format: Format, place: Place, *, dooh: bool = False) -> str:
    """The query with its ``?``; empty where there is nothing to ask.

    On screens in public places the multiplier goes with the price: cost is price / 1000 × multiplier.
    """
    style = exchange.notices
    if place == "lurl":
        asked = ["r=${AUCTION_LOSS}", *([f"m={style.min_to_win_macro}"] if style.min_to_win_macro else [])]
        return "?" + "&".join(asked)
    asked = []
    source = exchange.price_source.get(format, "macro")
    if source != "none" and place in style.price_in:
        name = "b" if source == "macro" and style.price_macro.endswith(BASE64) else PARAMETER[source]
        asked.append(f"{name}={style.price_macro}")
        if place != "pixel":
            asked.append("c=${AUCTION_CURRENCY}")
        if dooh:
            asked += [FACTS["multiplier"], FACTS["imp_ts"]]
    if place == "nurl" and style.min_to_win_macro:
        asked.append(f"m={style.min_to_win_macro}")
    if place != "pixel":
        asked += [FACTS[fact] for fact in style.facts if FACTS[fact] not in asked]
    return "?" + "&".join(asked) if asked else ""
