"""By how much budgets are overspent, as the watcher hears of it."""

from pacing.leases import Leases
from pacing.purse import Purse
from pacing.standing import standing

DAY_NS = 86_400_000_000_000
NOW_NS = 20_000 * DAY_NS + DAY_NS // 2


def test_the_worst_of_all_budgets_counts() -> None:
    leases = Leases()
    line = leases.purses.line(1, 2)
    campaign: Purse = leases.purses.above["campaign", 2]
    line.purse.money.daily, campaign.money.total = 1_000, 10_000
    assert standing(leases, NOW_NS, 7) == (0, 0, 0, 7, 0.0)
    leases.purses.spend(1, 2, NOW_NS - DAY_NS, 9_000)
    leases.purses.spend(1, 2, NOW_NS, 1_000)
    assert standing(leases, NOW_NS, 0).overspent == 0.0  # to the last unit is not too much
    leases.purses.spend(1, 2, NOW_NS, 2)
    assert standing(leases, NOW_NS, 0).overspent == 2 / 1_000
    assert standing(leases, NOW_NS + DAY_NS, 0).overspent == 2 / 10_000  # the day is over, the campaign is not
    campaign.money.funds = 8_000
    assert standing(leases, NOW_NS, 0).overspent == 2_002 / 8_000
