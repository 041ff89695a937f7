"""The purses of all accounts, as a tree: what every line item, campaign, advertiser and agency has spent, and what is
held of its budgets. What happens to a line item happens to all that are above it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.campaign import Snapshot, open_hours
from domain.strategy import Strategy
from pacing.purse import FOREVER_NS, Purse

FIXED = Strategy()


@dataclass
class Line:
    """A line item's part in the accounts; ``live`` while it may be bid on, if now is in its flight."""

    id: int
    campaign: int
    purse: Purse
    above: tuple[Purse, ...] = ()
    """Of its campaign, its advertiser, its agency."""
    pacing: str = "even"
    live: bool = False
    key: str = ""
    name: str = ""
    advertiser: str = ""
    currency: str = ""
    hours: frozenset[int] | None = None
    """Of the week, in UTC, in which it may be bid on; None is all."""
    limited: bool = False
    """Whether anybody limits its spend."""
    counts_bids: bool = False
    """Whether anybody limits its impressions."""
    strategy: Strategy = FIXED

    @property
    def paced(self) -> bool:
        return self.pacing != "asap"

    @property
    def purses(self) -> tuple[Purse, ...]:
        return (self.purse, *self.above)


@dataclass
class Purses:
    """``above`` are those of campaigns, advertisers and agencies, by kind and id."""

    lines: dict[int, Line] = field(default_factory=dict)
    above: dict[tuple[str, int], Purse] = field(default_factory=dict)

    def plan(self, snapshot: Snapshot) -> None:
        """Takes over budgets, flights and states from a snapshot. What is spent and held stays as it is."""
        agencies = {a.id: a for a in snapshot.agencies}
        advertisers = {a.id: a for a in snapshot.advertisers}
        campaigns = {c.id: c for c in snapshot.campaigns}
        for agency in snapshot.agencies:
            self._account("agency", agency.id, agency.time_zone).limit(agency.limits)
        for advertiser in snapshot.advertisers:
            self._account("advertiser", advertiser.id, advertiser.time_zone).limit(advertiser.limits)
        for campaign in snapshot.campaigns:
            purse = self._account("campaign", campaign.id, advertisers[campaign.advertiser].time_zone)
            purse.start_ns, purse.end_ns = campaign.start_ns, campaign.end_ns
            purse.limit(campaign.limits)
        for line in self.lines.values():
            line.live = False
        for item in snapshot.line_items:
            campaign = campaigns[item.campaign]
            owner = advertisers[campaign.advertiser]
            states = [item.status, campaign.status, owner.status]
            if owner.agency:
                states.append(agencies[owner.agency].status)
            line = self.line(item.id, campaign.id, owner.id, owner.agency)
            line.pacing, line.key, line.name = item.pacing, item.key, item.name
            line.advertiser, line.currency = owner.key, owner.currency
            line.hours, line.strategy = open_hours(item.targeting), item.strategy
            line.live = all(state == "active" for state in states)
            purse = line.purse
            purse.rezone(owner.time_zone)
            purse.start_ns, purse.end_ns, purse.activated_ns = campaign.start_ns, campaign.end_ns, item.activated_ns
            purse.limit(item.limits)
            purse.money.least = item.highest_cpm
        self._share_out()

    def fund(self, snapshot: Snapshot, paid_in: Mapping[tuple[str, int], int]) -> None:
        """What prepaid and credit accounts may spend altogether. ``paid_in``: nanos by kind and id of the account."""
        for kind, accounts in (("agency", snapshot.agencies), ("advertiser", snapshot.advertisers)):
            for account in accounts:
                funds = account.credit_limit + paid_in.get((kind, account.id), 0)
                self.above[kind, account.id].money.funds = None if account.funding == "open" else funds
        self._share_out()

    def _account(self, kind: str, id_: int, zone: str) -> Purse:
        purse = self.above.setdefault((kind, id_), Purse(zone))
        purse.rezone(zone)
        return purse

    def _share_out(self) -> None:
        """What an account has to know of the line items below it."""
        for purse in self.above.values():
            purse.activated_ns, purse.sharers, purse.money.least = FOREVER_NS, 0, 1
            purse.money.paced = purse.impressions.paced = 0
        for line in self.lines.values():
            own = line.purse
            line.limited = any(purse.money.limited for purse in line.purses)
            line.counts_bids = any(purse.impressions.limited for purse in line.purses)
            for purse in line.above:
                if line.paced:
                    purse.money.paced += own.money.paced
                    purse.impressions.paced += own.impressions.paced
                if line.live:
                    purse.activated_ns = min(purse.activated_ns, own.activated_ns)
                    purse.money.least = max(purse.money.least, own.money.least)
                    purse.sharers += line.paced

    def line(self, line_item: int, campaign: int, advertiser: int = 0, agency: int = 0) -> Line:
        """The line item's account, opened if it has none."""
        line = self.lines.get(line_item)
        if line is None:
            line = self.lines[line_item] = Line(line_item, campaign, Purse())
        if not line.above or (advertiser and len(line.above) == 1):
            of = (("campaign", campaign), ("advertiser", advertiser), ("agency", agency))
            line.above = tuple(self.above.setdefault(key, Purse()) for key in of if key[1])
        return line

    def spend(self, line_item: int, campaign: int, at_ns: int, amount: int, impressions: int = 1) -> None:
        """Bids were billed. ``at_ns`` is when that was received."""
        line = self.line(line_item, campaign)
        for purse in line.purses:
            purse.spend(at_ns, amount, impressions)
        self._pace(line, amount, impressions)

    def restore_spent(self, line_item: int, campaign: int, amount: int, impressions: int) -> None:
        """What was billed altogether, as it was saved."""
        line = self.line(line_item, campaign)
        for purse in line.purses:
            purse.add(amount, impressions)
        self._pace(line, amount, impressions)

    def restore_recent(self, line_item: int, campaign: int, at_ns: int, amount: int, impressions: int) -> None:
        """What of it was billed at a time that may be today."""
        for purse in self.line(line_item, campaign).purses:
            purse.spend_in(at_ns, amount, impressions)

    def hold(self, line: Line, amount: int, bids: int) -> None:
        """So much more of the line item's budgets may be spent by bidders; less, if negative."""
        for purse in line.purses:
            purse.money.held += amount
            purse.impressions.held += bids
        self._pace(line, amount, bids)

    def forget_before(self, now_ns: int) -> None:
        """Days and hours that are over need not be known any more."""
        for purse in (*self.above.values(), *(line.purse for line in self.lines.values())):
            purse.forget_before(now_ns)

    def is_live(self, line: Line, now_ns: int) -> bool:
        """Whether it may be bid on now. Without any budget of money nothing is: there would be no end of it."""
        return line.live and line.limited and line.purse.start_ns <= now_ns < line.purse.end_ns

    @staticmethod
    def _pace(line: Line, amount: int, bids: int) -> None:
        for purse in line.purses if line.paced else (line.purse,):
            purse.money.paced += amount
            purse.impressions.paced += bids
