"""The strategies that there are, by the names in campaign files: a new one is a class, and a line here and there."""

from bidder.pricing.credit import CreditValue
from bidder.pricing.most import MaxClicks, MaxConversions, MaxValue
from bidder.pricing.strategy import Strategy
from bidder.pricing.targets import TargetCpa, TargetCpc, TargetRoas
from domain.strategy import STRATEGIES, StrategyName

COMPUTED: dict[StrategyName, Strategy] = {
    "target_cpc": TargetCpc(),
    "target_cpa": TargetCpa(),
    "target_roas": TargetRoas(),
    "max_clicks": MaxClicks(),
    "max_conversions": MaxConversions(),
    "max_value": MaxValue(),
    "credit_value": CreditValue(),
}
"""All that work bids out; ``fixed_cpm`` is the price stage's own."""

assert COMPUTED.keys() | {"fixed_cpm"} == set(STRATEGIES), "each name of `domain.strategy` has its class here"
