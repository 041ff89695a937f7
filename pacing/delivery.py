"""Spend against plan, for people."""

from pacing.days import day_of
from pacing.leases import Leases
from pacing.protocol import Delivery


def delivery(leases: Leases, now_ns: int) -> list[Delivery]:
    """Of every line item that is live. One without a budget of its own is measured against its campaign's."""
    rows = []
    for line in leases.lines.values():
        if not leases.is_live(line, now_ns):
            continue
        purse = line.purse
        plan = purse.planned(now_ns) or leases.campaigns[line.campaign].planned(now_ns)
        planned, budget = plan or (0, 0)
        rows.append(
            Delivery(
                line_item=line.id,
                key=line.key,
                name=line.name,
                advertiser=line.advertiser,
                currency=line.currency,
                spent_today=purse.spent_on.get(day_of(now_ns, purse.zone).name, 0),
                planned_now=planned if line.even else budget,
                budget_today=budget,
                reserved=purse.held,
            )
        )
    return rows
