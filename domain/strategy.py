"""How a line item's bid comes about: what the marketer wants of it, and with which goal."""

from typing import Literal, get_args

from msgspec import Struct

StrategyName = Literal[
    "fixed_cpm", "target_cpc", "target_cpa", "target_roas", "max_clicks", "max_conversions", "max_value", "credit_value"
]
STRATEGIES: tuple[StrategyName, ...] = get_args(StrategyName)
"""The compiled strategies are told apart by their places here: new ones come last."""

NEEDS_GOAL = frozenset[StrategyName]({"target_cpc", "target_cpa", "target_roas"})
"""They keep what a result costs to a goal; the others that work bids out get as many results as the budget buys."""
NEEDS_CVR = frozenset[StrategyName]({"target_cpa", "target_roas", "max_conversions", "max_value", "credit_value"})
"""Results are conversions; of the others that work bids out they are clicks."""
BY_VALUE = frozenset[StrategyName]({"target_roas", "max_value"})
"""Of conversions, what they are worth counts."""
BY_CREDIT = frozenset[StrategyName]({"credit_value"})
"""The person's probabilities of approval and of default count."""
AT_WORTH = frozenset[StrategyName]({"credit_value"})
"""What an impression is worth is the profit that is expected of it: more is never bid, however much budget is left."""

RATIO_UNIT = 1_000_000
"""Factors and ratios are whole millionths."""
LEAST_FACTOR, MOST_FACTOR = RATIO_UNIT // 10, 10 * RATIO_UNIT
"""Of one multiplier, and of the product of all that hold."""
MOST_PACE = 8.0
"""The highest multiplier of the pace for bids that are worked out; a fixed CPM's is 1."""
EXPLORE_PPM = 20_000
"""Of the spend, where the marketer says nothing: 2 %."""


class Strategy(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a line item's bids are worked out by. `fixed_cpm` needs none of it: it bids ``LineItem.bid_cpm``."""

    name: StrategyName = "fixed_cpm"
    goal: int = 0
    """Nanos of the advertiser's currency, fees included, that a click or a conversion may cost; of ``target_roas``
    millionths: the conversions' value for each unit that is spent. 0: the strategy has no goal."""
    conversion: str = ""
    """The advertiser's own word for the conversions that count; empty: every one."""
    conversion_value: int = 0
    """Nanos that a conversion is taken to be worth until enough of them told their value; of strategies by value."""
    explore_ppm: int = EXPLORE_PPM
    """Share of the spend, in millionths, that may go to bids that are drawn so as to learn; 0: none is."""
    margin: int = 0
    """Of ``credit_value``: nanos that an approved credit earns if it is repaid, before the loss that is expected."""
    exposure: int = 0
    """Nanos that are owed when it is not."""
    lgd_ppm: int = 0
    """Share of the exposure that is lost then (loss given default), in millionths."""
    p_approved_ppm: int = 0
    """Probability that an applicant is approved, in millionths, of whom nothing is known …"""
    pd_ppm: int = 0
    """… and that an approved one defaults."""

    @property
    def computed(self) -> bool:
        """Is the bid worked out from what the impression is worth?"""
        return self.name != "fixed_cpm"
