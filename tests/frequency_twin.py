"""Frequency caps in plain Python: a list of what was shown, a list of what is in flight, and every cap asked anew."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from domain.campaign import Snapshot, wanted_values
from domain.frequency import FrequencyCap, Unit

GRACE_S = 5


@dataclass(frozen=True)
class Ad:
    """What is shown: ids."""

    line_item: int
    creative: int


@dataclass
class Ledger:
    """All that happened to one person, their devices and households. Times are seconds."""

    campaigns: Snapshot
    shown: list[tuple[int, Set[str], Ad]] = field(default_factory=list)
    """When, in whose counters, what."""
    flying: dict[int, tuple[int, Set[str], Ad]] = field(default_factory=dict)
    """By bid: until when it is held, for whom, what it is."""

    def __post_init__(self) -> None:
        self.publish(self.campaigns)

    def publish(self, campaigns: Snapshot) -> None:
        """From here on these campaigns hold."""
        self.campaigns = campaigns
        self.items = {item.id: item for item in self.campaigns.line_items}
        self.owners = {c.id: c.advertiser for c in self.campaigns.campaigns}

    def caps(self, ad: Ad) -> Iterable[tuple[str, int, FrequencyCap]]:
        """(level, id, cap) of all that the ad is under."""
        item = self.items[ad.line_item]
        for level, id_, things in (
            ("line_item", item.id, self.campaigns.line_items),
            ("campaign", item.campaign, self.campaigns.campaigns),
            ("advertiser", self.owners[item.campaign], self.campaigns.advertisers),
            ("creative", ad.creative, self.campaigns.creatives),
        ):
            (thing,) = [t for t in things if t.id == id_]
            yield from ((level, id_, cap) for cap in thing.frequency_caps)
        for audience in self.campaigns.audiences:
            if str(audience.id) in wanted_values(item.targeting, "audience"):
                yield from (("audience", audience.id, cap) for cap in audience.frequency_caps)

    def belongs(self, ad: Ad, level: str, id_: int) -> bool:
        item = self.items[ad.line_item]
        match level:
            case "audience":
                return str(id_) in wanted_values(item.targeting, "audience")
            case "creative":
                return ad.creative == id_
            case "line_item":
                return item.id == id_
            case "campaign":
                return item.campaign == id_
        return self.owners[item.campaign] == id_

    def room(self, ad: Ad, who: Mapping[Unit, str], now_s: int, beside: Iterable[Ad] = ()) -> bool:
        """May it be shown once more, with those beside it in the same response?"""
        beside = list(beside)
        for level, id_, cap in self.caps(ad):
            if not who.get(cap.by):
                return False
            seen = sum(
                self.belongs(other, level, id_) and who[cap.by] in whose and at_s + cap.seconds > now_s
                for at_s, whose, other in self.shown
            )
            held = sum(
                self.belongs(other, level, id_) and who[cap.by] in whose and until_s > now_s
                for until_s, whose, other in self.flying.values()
            )
            if seen + held + sum(self.belongs(other, level, id_) for other in beside) >= cap.impressions:
                return False
        return True
