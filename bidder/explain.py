"""Why is there a bid, or none? The very auction, with the reasons kept."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bidder.auction import Auction, NoBid
from bidder.models import Models
from bidder.seller import Seller
from bidder.view import DAYS, View
from domain.campaign import LineItem
from domain.creative import FORMATS
from domain.money import format_cpm
from domain.strategy import BY_CREDIT
from domain.worth import PPM, PROBABILITIES
from openrtb.decode import decode_through_model
from openrtb.person_ids import named_by
from openrtb.privacy import raised
from openrtb.request import Request

TITLES = {
    "targeting": "Targeting",
    "fit": "Fit (flight, format, size, mimes, secure, length)",
    "exchange": "Rules of the exchange (approval, excluded creatives)",
    "supply": "Supply chain and block lists of ours",
    "blocks": "Block lists of the publisher, seats, languages, full-screen placements",
    "deals": "Deals",
    "floors": "Floors",
    "risk": "Risk and credit of the person",
    "frequency": "Frequency caps",
    "pacing": "Pacing: share of the auctions",
    "gate": "Budget",
    "pricing": "Price",
    "choose": "Choice",
}
"""Every stage that takes candidates out, in the order of `bidder.auction`, and what people call it."""
STAGES = tuple(TITLES)


@dataclass(frozen=True)
class Removal:
    """Line items (or creatives of them) that one stage took out for one reason."""

    why: str
    count: int
    line_items: tuple[str, ...]
    """Keys, each once."""


@dataclass(frozen=True)
class Explanation:
    """All that one request went through."""

    request: dict[str, object]
    """What the bidder understood of it."""
    repairs: tuple[str, ...]
    """What had to be mended or left out of it, and the rules (`openrtb.validate`) that it breaks."""
    stages: dict[str, tuple[Removal, ...]]
    """What each stage that was reached removed: targeting line items, later stages pairs of imp and creative."""
    no_bid: NoBid | None = None
    bids: tuple[dict[str, object], ...] = field(default=())

    @property
    def reason(self) -> str:
        """The no-bid's reason in words; empty if there is a bid."""
        return self.no_bid.reason.text if self.no_bid is not None else ""


def explain(auction: Auction, body: bytes, seller: Seller, view: View) -> Explanation:
    """Decides the request as `Auction.decide` does, and tells what each stage removed. Raises Malformed."""
    auction.candidates.keep_reasons = True
    try:
        outcome = auction.decide(body, seller, view)
    finally:
        auction.candidates.keep_reasons = False
    reasons = auction.candidates.reasons
    stages = {stage: _removals(stage, reasons, view) for stage in STAGES}
    reached = STAGES if not isinstance(outcome, NoBid) else STAGES[: _place(outcome.stage)]
    return Explanation(
        _understood(auction, seller),
        _mended(body, seller),
        {stage: stages[stage] for stage in reached},
        outcome if isinstance(outcome, NoBid) else None,
        () if isinstance(outcome, NoBid) else tuple(_bids(auction, seller, view)),
    )


def _mended(body: bytes, seller: Seller) -> tuple[str, ...]:
    """By the typed model, which says it in words; the scanner does not."""
    request = Request()
    decode_through_model(request, body, seller.exchange, 0)
    return tuple(request.repairs)


def _place(stage: str) -> int:
    return STAGES.index(stage) + 1 if stage in STAGES else 0


def _removals(stage: str, reasons: list[tuple[str, int, int, int, str]], view: View) -> tuple[Removal, ...]:
    counts: Counter[str] = Counter()
    keys: dict[str, dict[str, None]] = {}
    for at, line, _, _, why in reasons:
        if at == stage:
            counts[why] += 1
            keys.setdefault(why, {})[view.line_items[line].key] = None
    return tuple(Removal(why, count, tuple(keys[why])) for why, count in counts.most_common())


def _understood(auction: Auction, seller: Seller) -> dict[str, object]:
    request = auction.request
    return {
        "id": request.id,
        "exchange": seller.exchange.key,
        "dooh" if request.is_dooh else "app" if request.is_app else "site": request.site_name,
        "country": request.country_code,
        "user_agent": request.user_agent,
        "device_type": request.device_type,
        "imps": [f"{request.imp_ids[place]} ({FORMATS[format]})" for place, format in request.formats()],
        "sizes": request.size_list(),
        "deals": request.deal_codes,
        "person": f"not to be used ({', '.join(raised(request, auction.vendor))})"
        if not request.personal
        else _who(request),
        "profile": request.record is not None,
        **auction.sellers.describe(request, seller),
        **{name: _fact(name, value) for name, value in auction.candidates.known_facts().items()},
        "hour": f"{DAYS[request.hour_of_week // 24]} {request.hour_of_week % 24:02d}h UTC",
    }


def _who(request: Request) -> str:
    """By which of its ids the person is known, the ids in the order of trust."""
    ids = [word for word, _ in named_by(request)]
    if not ids:
        return "unknown"
    if request.met < 0:
        return f"new; to be known by {next(word for word, key in named_by(request) if key == request.person)}"
    joined = ", one of several keys of the person" if request.joined else ""
    others = f" (of {', '.join(ids)})" if len(ids) > 1 else ""
    return f"known by {ids[request.met]}{others}{joined}"


def _fact(name: str, value: float) -> object:
    """Of the person's risk and credit; what no line item that was left asked for is not there."""
    return f"{value:.2%}" if name in PROBABILITIES else value


def _bids(auction: Auction, seller: Seller, view: View) -> list[dict[str, object]]:
    request, models = auction.request, auction.models
    return [
        {
            "line_item": view.line_items[row["line"]].key,
            "creative": view.creatives[row["ad"]].key,
            "imp": request.imp_ids[request.formats()[row["imp"]][0]],
            "price": f"{format_cpm(row['price'])} {seller.currency_name} CPM",
            "floor": f"{format_cpm(row['floor'])} {seller.currency_name} CPM",
            "deal": request.deal_codes[row["deal"]] if row["deal"] >= 0 else None,
            "prediction": _prediction(row, models, seller) | _credit(view.line_items[row["line"]], auction)
            if row["scored"] >= 0
            else None,
        }
        for row in auction.candidates.chosen_rows()
    ]


def _credit(item: LineItem, auction: Auction) -> dict[str, object]:
    """The person's probabilities that a credit's value was worked out with, and whose word they are."""
    if item.strategy.name not in BY_CREDIT:
        return {}
    known, own = auction.candidates.known_facts(), item.strategy
    said = {"p_approved": own.p_approved_ppm / PPM, "pd": own.pd_ppm / PPM}
    return {
        name: f"{known[name]:.2%}" if name in known else f"{assumed:.2%}, as the line item has it: it is not known"
        for name, assumed in said.items()
    }


def _prediction(row: dict[str, Any], models: Models, seller: Seller) -> dict[str, object]:
    """What the price of a bid was made of. Probabilities are the models', or what is believed without one."""
    said: dict[str, object] = {
        "ctr": row["ctr"],
        "ctr_model": models.ctr_version or "none: what is believed of the ad",
    }
    if row["cvr"]:
        said["cvr"] = row["cvr"]
        said["cvr_model"] = models.cvr_version or "none: what is believed of the ad"
    if models.shadow_version:
        said["shadow_ctr"], said["shadow_model"] = row["shadow_ctr"], models.shadow_version
    if row["value"]:
        said["value"] = f"{format_cpm(row['value'])} {seller.currency_name} CPM"
        said["before_shading"] = f"{format_cpm(row['full_price'])} {seller.currency_name} CPM"
    if row["explored"]:
        said["explored"] = True
    return said
