"""What the world of the proof of worth is made of: every number of it, fixed and committed before the first result.

Nothing here was chosen after a run. What was looked at beforehand is the data alone: how often its people default
(22 %), how many would pass the lender's rule below (64 %), how many clicks come from addresses that `farm_clicks` calls
farms (15 % of the later half), and how many of these from addresses that the earlier half has, too (97 %). A parameter
that is changed later makes another proof, and docs/worth.md has to say so.

Of the data the world takes people, whether they defaulted, addresses, devices, apps and who clicks how often. What no
data set tells is chosen here: the lender's terms and rule, how likely a click and an application are, and what others
pay. Money is in units of the exchange's currency.
"""

from typing import Any

import msgspec

from domain.errors import Problem, Refused


class WorthParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base world. `GRID` changes one of them at a time."""

    margin: float = 100.0
    """What a loan earns that is paid back."""
    exposure: float = 500.0
    """What is owed when somebody defaults …"""
    lgd: float = 0.6
    """… and the share of it that is lost."""
    click_rate: float = 0.02
    """Of a genuine person, on average."""
    application_rate: float = 0.10
    """Of a genuine click, on average."""
    app_spread: float = 0.5
    """Standard deviation of the log click rate between apps …"""
    taste_spread: float = 0.3
    """… and between people, which no request tells."""
    adverse: float = 0.3
    """How much more likely who uses more of their limit applies: log odds for a standard deviation. 0: not at all."""
    scored_share: float = 0.8
    """Of people, of whom the credit module knows anything."""
    score_noise: float = 0.0
    """Standard deviation of an error added to the log odds of what the credit model says."""
    shuffled_scores: bool = False
    """Everybody has somebody else's credit score: a score that knows nothing."""
    fraud_share: float = 0.15
    """Of bid requests, that come from click farms."""
    fraud_click_rate: float = 0.10
    fraud_application_rate: float = 0.02
    """Of a farm's click; the lender never approves them."""
    farm_clicks: int = 8
    """An address of the world's half of the clicks is a farm if it clicked so often and nothing was installed."""
    blocked_share: float = 0.15
    """Of the genuine clicks of the half that scores are learnt from, how many the cut-off may block at most."""
    price_median_cpm: float = 25.0
    """Of the best competing bid, which is log-normal …"""
    price_sigma: float = 0.8
    price_knows: float = 0.0
    """… and how much of a person's true worth competitors know: log price for a standard deviation of it."""
    floor_cpm: float = 1.0
    budget_share: float = 0.5
    """Each strategy has the same budget: so much of what target CPA without limits would spend."""
    history: int = 60_000
    """Requests, bought at random, that click and conversion rates are learnt from …"""
    rehearsal: int = 15_000
    """… and others, on which each strategy finds the pace at which its budget lasts …"""
    day: int = 25_000
    """… and the day that counts."""

    def __post_init__(self) -> None:
        wrong = [
            Problem(name, getattr(self, name), "it must be a share, from 0 to 1")
            for name in SHARES
            if not 0 <= getattr(self, name) <= 1
        ]
        wrong += [
            Problem(name, getattr(self, name), "it must be above 0") for name in ABOVE_0 if not getattr(self, name) > 0
        ]
        wrong += [
            Problem(name, getattr(self, name), "it must not be negative")
            for name in SPREADS
            if not getattr(self, name) >= 0
        ]
        if wrong:
            raise Refused(wrong)


SHARES = (
    "lgd", "click_rate", "application_rate", "scored_share", "fraud_share", "fraud_click_rate",
    "fraud_application_rate", "blocked_share",
)  # fmt: skip
ABOVE_0 = ("margin", "exposure", "farm_clicks", "price_median_cpm", "budget_share", "history", "rehearsal", "day")
SPREADS = ("app_spread", "taste_spread", "adverse", "score_noise", "price_sigma", "price_knows", "floor_cpm")

APPROVAL_BASE, APPROVAL_LATE, APPROVAL_USE, APPROVAL_LIMIT = 1.6, -1.2, -0.8, 0.5
"""The lender's rule: log odds of an approval by the months that somebody was late lately (X6 to X8, at most 3), the
share of the limit that is used (X12 / X1, at most 1.5), and the limit (log10 X1 - 5). The data knows no approvals."""
MOST_LATE, MOST_USE = 3.0, 1.5

SEEDS = 10
GRID_SEEDS = 3
"""Of each cell of the grid."""
GRID_DAY, GRID_REHEARSAL, GRID_HISTORY = 12_000, 6_000, 30_000
"""Requests of its day, of the rehearsal and of the history."""
PROFIT_GOAL = 0.25
"""`credit_value` earns so much more profit per media money than `target_cpa`, both with the risk module on …"""
FRAUD_GOAL = 0.80
"""… and the share of spend that goes to farms falls by so much when it is switched on."""

GRID: dict[str, tuple[dict[str, Any], ...]] = {
    "margin": ({"margin": 60.0}, {"margin": 160.0}, {"margin": 240.0}),
    "LGD": ({"lgd": 0.3}, {"lgd": 0.9}),
    "fraud share": ({"fraud_share": 0.02}, {"fraud_share": 0.40}),
    "fraud's applications": ({"fraud_application_rate": 0.0}, {"fraud_application_rate": 0.10}),
    "quality of the credit score": ({"score_noise": 1.0}, {"score_noise": 3.0}, {"shuffled_scores": True}),
    "people with a credit score": ({"scored_share": 0.3}, {"scored_share": 1.0}),
    "adverse selection": ({"adverse": 0.0}, {"adverse": 0.8}),
    "what competitors know": ({"price_knows": 0.5},),
    "budget": ({"budget_share": 0.2}, {"budget_share": 1.0}),
    "cut-off of the fraud score": ({"blocked_share": 0.05}, {"blocked_share": 0.30}),
}
"""One thing at a time, the others as in the base world; second prices."""
