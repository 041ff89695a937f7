"""One budget and what is left of it: a line item's, or the campaign's that several line items share."""

from dataclasses import dataclass, field

from pacing.days import Day, day_of


@dataclass
class Purse:
    """Amounts are nanos of the advertiser's currency; a budget of None is no limit.

    ``held`` is what bidders may still spend: open leases and bids in flight. It counts as if it were spent, today.
    ``paced`` is how much of all spent and held an even plan has to answer for: of a campaign, its even
    line items' part.
    """

    zone: str
    start_ns: int
    end_ns: int
    daily: int | None
    total: int | None
    least: int = 0
    """Price of one bid: less than that is no use to a bidder. Of a campaign, its dearest line item's."""
    sharers: int = 1
    """Of a campaign: its live even line items."""
    activated_ns: int = 0
    held: int = 0
    spent: int = 0
    spent_on: dict[str, int] = field(default_factory=dict)
    """By day; days before today may be missing."""
    paced: int = 0
    _mark: int | None = None
    _marked_ns: int = 0

    @property
    def limited(self) -> bool:
        return self.daily is not None or self.total is not None

    def limits(self, now_ns: int) -> list[tuple[int, int]]:
        """(what is left, until when it has to last) for each budget; a budget that is overdrawn has 0 left."""
        limits = []
        if self.daily is not None:
            today = day_of(now_ns, self.zone)
            left = self.daily - self.spent_on.get(today.name, 0) - self.held
            limits.append((max(0, left), min(today.end_ns, self.end_ns)))
        if self.total is not None:
            limits.append((max(0, self.total - self.spent - self.held), self.end_ns))
        return limits

    def pace(self, now_ns: int, for_ns: int) -> int:
        """What is left, spread evenly: the part of it for the next ``for_ns``. Needs a budget."""
        parts = ((left, until - now_ns) for left, until in self.limits(now_ns))
        return min(left * min(for_ns, lasting) // lasting for left, lasting in parts)

    def left(self, now_ns: int) -> int | None:
        """What may still be let out whatever the plan; None without a budget."""
        return min((left for left, _ in self.limits(now_ns)), default=None)

    def room(self, now_ns: int, horizon_ns: int) -> int:
        """How much an even plan lets out now.

        The plan spreads what is left over the time that is left, again at every look. What may be out rises at that
        pace; what comes back (lost auctions, cheaper wins) may go out again at once; and never more is let out in one
        go than `pace` for ``horizon_ns``, or ``least`` if that is more.
        """
        accrued = self.pace(now_ns, max(0, now_ns - self._marked_ns))
        highest = self.paced + max(self.pace(now_ns, horizon_ns), self.least)
        self._mark = highest if self._mark is None else min(max(self._mark, self.paced) + accrued, highest)
        self._marked_ns = now_ns
        return self._mark - self.paced

    def planned(self, now_ns: int) -> tuple[int, int] | None:
        """(what an even plan wants spent today by now, today's budget); None without a budget."""
        today = day_of(now_ns, self.zone)
        start = min(now_ns, max(today.start_ns, self.activated_ns, self.start_ns))
        spent_today = self.spent_on.get(today.name, 0)
        plans = []
        if self.daily is not None:
            plans.append((self.daily, start, min(today.end_ns, self.end_ns)))
        if self.total is not None:
            left = max(0, self.total - (self.spent - spent_today))
            today_only = left * (min(today.end_ns, self.end_ns) - start) // (self.end_ns - start)
            plans.append((today_only, start, min(today.end_ns, self.end_ns)))
        if not plans:
            return None
        budget, start, end = min(plans)
        passed = min(max(0, now_ns - start), end - start)
        return budget * passed // (end - start), budget

    def forget_days_before(self, today: Day) -> None:
        for name in [name for name in self.spent_on if name < today.name]:
            del self.spent_on[name]
