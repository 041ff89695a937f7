"""Spend against plan, for people."""

from pacing.leases import Leases
from pacing.protocol import Delivery
from pacing.purse import straight


def delivery(leases: Leases, now_ns: int) -> list[Delivery]:
    """Of every line item that is live. One without a budget of its own is measured against its campaign's, or above."""
    rows = []
    for line in leases.purses.lines.values():
        if not leases.purses.is_live(line, now_ns):
            continue
        shape = leases.shapes.get(line.id, straight)
        plans = (purse.planned(now_ns, shape) for purse in line.purses)
        planned, budget = next((plan for plan in plans if plan is not None), (0, 0))
        rows.append(
            Delivery(
                line_item=line.id,
                key=line.key,
                name=line.name,
                advertiser=line.advertiser,
                currency=line.currency,
                spent_today=line.purse.spent_today(now_ns),
                planned_now=planned if line.paced else budget,
                budget_today=budget,
                reserved=line.purse.money.held,
            )
        )
    return rows
