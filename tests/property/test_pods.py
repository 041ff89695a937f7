"""Pods against a twin that tries every set of bids: no set that the rules allow earns more than what is bid."""

import json
import random
from collections.abc import Iterator
from itertools import combinations
from math import ceil
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidder.auction import NoBid
from bidder.explain import explain
from domain.campaign import ONE_PER_POD, Advertiser, Campaign, LineItem, Snapshot, Targeting
from domain.creative import Creative, Rendition, Video, every_format
from domain.exchange import Exchange
from domain.frequency import FrequencyCap
from simulator.checker import Checker
from simulator.offer import read_offer
from tests.auction_table import NOW_NS, People, Table, campaign_scope, line_item_scope
from tests.examples import examples

LEASE = 10_000_000
SEEN = ("fresh", "tired")
FILES = (Rendition("https://cdn.example/v.mp4", "video/mp4", 640, 360),)


class Pair(NamedTuple):
    imp: int
    line: int
    creative: int
    price: int


@st.composite
def campaign_sets(draw) -> Snapshot:
    creatives = tuple(
        Creative(
            n, f"c{n}", 1 + n % 3, 640, 360, "https://a.example/", format="video",
            video=Video(draw(st.sampled_from((5_000, 10_000, 14_600, 15_000, 30_000))), FILES, mimes=("video/mp4",)),
        )
        for n in range(1, 7)
    )  # fmt: skip
    items = tuple(
        LineItem(
            n, f"l{n}", 1 + n % 4, f"L{n}", draw(st.integers(1, 6)) * 1_000_000, Targeting(),
            tuple(c.id for c in creatives if c.advertiser == 1 + (n % 4) % 3),
            frequency_caps=draw(st.sampled_from(((), (), (FrequencyCap(2, 60),)))),
            separate_categories=draw(st.sampled_from((False, False, True))),
            separate_from=draw(st.sampled_from(((), (), (1,), (2,)))),
            one_per_pod=draw(st.sampled_from(ONE_PER_POD)),
            pod_slot=draw(st.sampled_from(("any", "any", "any", "first", "last"))),
        )
        for n in range(1, draw(st.integers(2, 5)))
    )  # fmt: skip
    categories = (("IAB13-1",), ("IAB13",), ("IAB22",))
    advertisers = tuple(
        Advertiser(n + 1, f"a{n}", "A", "USD", "UTC", f"a{n % 2}.example", categories[n]) for n in range(3)
    )
    campaigns = tuple(
        Campaign(
            n, f"k{n}", 1 + (n - 1) % 3, "K", 0, 2**62,
            frequency_caps=draw(st.sampled_from(((), (FrequencyCap(3, 60),)))),
        )
        for n in range(1, 5)
    )  # fmt: skip
    exchanges = (Exchange(1, "usx", "USD", every_format("burl")),)
    return Snapshot(1, 0, exchanges, (), advertisers, campaigns, items, creatives, (), ())


videos = st.fixed_dictionaries(
    {"mimes": st.just(["video/mp4"])},
    optional={
        "podid": st.sampled_from(("p", "p", "p", "q")),
        "poddur": st.sampled_from((15, 30, 45, 60)),
        "maxseq": st.integers(1, 4),
        "slotinpod": st.sampled_from((0, 1, 2, -1)),
        "poddedupe": st.sampled_from(([1], [2], [3], [5], [])),
        "minduration": st.sampled_from((0, 6)),
        "maxduration": st.sampled_from((15, 30)),
        "rqddurs": st.sampled_from(([15], [15, 30], [5, 10])),
        "mincpmpersec": st.sampled_from((0.1, 0.2)),
    },
)
requests = st.fixed_dictionaries(
    {"imp": st.lists(videos, min_size=1, max_size=3)}, optional={"user": st.sampled_from(SEEN)}
)


class Twin:
    """The rules as loops over the nouns."""

    def __init__(self, campaigns: Snapshot, videos: list[dict], person: str | None) -> None:
        self.videos, self.person = videos, person
        self.lines = {item.id: item for item in campaigns.line_items}
        self.campaigns = {campaign.id: campaign for campaign in campaigns.campaigns}
        self.advertisers = {advertiser.id: advertiser for advertiser in campaigns.advertisers}
        self.creatives = {creative.id: creative for creative in campaigns.creatives}
        self.pairs = [
            Pair(imp, line.id, creative, line.bid_cpm)
            for line in self.lines.values()
            for creative in line.creatives
            for imp in range(len(videos))
            if self.fits(imp, line, creative) and self.within_caps([line.id])
        ]

    def seconds(self, creative: int) -> int:
        video = self.creatives[creative].video
        assert video
        return ceil(video.duration_ms / 1000)

    def fits(self, imp: int, line: LineItem, creative: int) -> bool:
        offer, video = self.videos[imp], self.creatives[creative].video
        assert video
        length = video.duration_ms / 1000
        asked = {"first": 1, "last": -1}.get(line.pod_slot)
        told = offer.get("slotinpod", 0)
        if asked and told != asked and not (told == 2 and self.dynamic(imp)):
            return False
        if "rqddurs" in offer and length not in offer["rqddurs"]:
            return False
        if "rqddurs" not in offer and not offer.get("minduration", 0) <= length <= offer.get("maxduration", 999):
            return False
        floor = round(offer.get("mincpmpersec", 0) * 1_000_000) * self.seconds(creative)
        return length <= offer.get("poddur", 999) and line.bid_cpm >= floor

    def dynamic(self, imp: int) -> bool:
        return "poddur" in self.videos[imp] and self.videos[imp].get("maxseq") != 1

    def pod(self, imp: int) -> object:
        return self.videos[imp].get("podid", imp if self.dynamic(imp) else None)

    def within_caps(self, lines: list[int]) -> bool:
        seen = 1 if self.person == "tired" else 0
        for line in {*lines}:
            campaign = self.lines[line].campaign
            of_campaign = sum(self.lines[one].campaign == campaign for one in lines)
            capped = [(cap, lines.count(line)) for cap in self.lines[line].frequency_caps]
            capped += [(cap, of_campaign) for cap in self.campaigns[campaign].frequency_caps]
            if capped and self.person is None:
                return False
            if any(seen + n > cap.impressions for cap, n in capped):
                return False
        return True

    def beside(self, one: Pair, other: Pair) -> bool:
        """Can both be won?"""
        a, b = self.lines[one.line], self.lines[other.line]
        mine = self.advertisers[self.campaigns[a.campaign].advertiser]
        theirs = self.advertisers[self.campaigns[b.campaign].advertiser]
        alike = {c.split("-")[0] for c in mine.categories} & {c.split("-")[0] for c in theirs.categories}
        one_slot = a.pod_slot != "any" and a.pod_slot == b.pod_slot
        if one.imp == other.imp and (one_slot or not self.dynamic(one.imp)):
            return False
        if mine.id != theirs.id and (
            theirs.id in a.separate_from
            or mine.id in b.separate_from
            or (alike and (a.separate_categories or b.separate_categories))
        ):
            return False
        if self.pod(one.imp) is None or self.pod(other.imp) is None:
            return one.line != other.line
        if self.pod(one.imp) != self.pod(other.imp):
            return True
        wanted = max(ONE_PER_POD.index(a.one_per_pod), ONE_PER_POD.index(b.one_per_pod))
        same = (one.creative == other.creative, a.id == b.id, a.campaign == b.campaign, mine.id == theirs.id)
        dedupe = {*self.videos[one.imp].get("poddedupe", ()), *self.videos[other.imp].get("poddedupe", ())}
        return not (
            any(same[: wanted + 1]) or (1 in dedupe and mine.domain == theirs.domain) or (2 in dedupe and alike)
        )

    def allowed(self, bids: tuple[Pair, ...]) -> bool:
        for imp, offer in enumerate(self.videos):
            here = [bid for bid in bids if bid.imp == imp]
            if self.dynamic(imp) and (
                len(here) > offer.get("maxseq", 99) or sum(self.seconds(b.creative) for b in here) > offer["poddur"]
            ):
                return False
        spent = {bid.line: 0 for bid in bids}
        for bid in bids:
            spent[bid.line] += bid.price
        return (
            all(self.beside(a, b) for a, b in combinations(bids, 2))
            and all(amount <= LEASE for amount in spent.values())
            and self.within_caps([bid.line for bid in bids])
        )

    def sets(self, start: int = 0, chosen: tuple[Pair, ...] = ()) -> Iterator[tuple[Pair, ...]]:
        """All that are allowed; what is part of one is allowed too."""
        yield chosen
        for at in range(start, len(self.pairs)):
            more = (*chosen, self.pairs[at])
            if self.allowed(more):
                yield from self.sets(at + 1, more)


def decide(campaigns: Snapshot, request: dict) -> tuple[Twin, tuple[Pair, ...], Table]:
    """The auction's bids, as pairs."""
    people, now_s, person = People(), NOW_NS // 10**9, request.get("user")
    scopes = [line_item_scope(n) for n in range(1, 10)] + [campaign_scope(n) for n in range(1, 10)]
    people.put("buyeruid:usx:tired", {}, {scope: [now_s - 5] for scope in scopes})
    table = Table(campaigns, people, LEASE)
    body = {
        "id": "r",
        "site": {},
        "imp": [{"id": str(n), "video": video} for n, video in enumerate(request["imp"])],
        **({"user": {"buyeruid": person}} if person else {}),
    }
    outcome = table.decide(body)
    found: list[Pair] = []
    if not isinstance(outcome, NoBid):
        (seat,) = outcome["seatbid"]
        offer = read_offer(body, currency="USD", auction_type=2)
        judged = Checker({}).read(200, json.dumps(outcome).encode(), offer)
        assert not judged.fault and [bid.why for bid in judged.bids if bid.refused] == []
        lines = [event.line_item for event in table.events() if type(event).__name__ == "Bid"]
        for bid, line in zip(seat["bid"], lines, strict=True):
            found.append(Pair(int(bid["impid"]), line, int(bid["crid"]), round(bid["price"] * 1_000_000)))
            asked = {"first": 1, "last": -1}.get({i.id: i for i in campaigns.line_items}[line].pod_slot)
            dynamic = (
                "poddur" in request["imp"][int(bid["impid"])] and request["imp"][int(bid["impid"])].get("maxseq") != 1
            )
            assert bid.get("slotinpod") == (asked if dynamic else None)
        assert len({bid["id"] for bid in seat["bid"]}) == len(found)
    return Twin(campaigns, request["imp"], person), tuple(found), table


@settings(max_examples=examples(300), deadline=None)
@given(campaign_sets(), requests)
def test_one_pod_earns_the_most_that_it_can(campaigns: Snapshot, request: dict) -> None:
    request["imp"] = [{**video, "podid": "p"} for video in request["imp"]]
    twin, bids, table = decide(campaigns, request)
    assert twin.allowed(bids) and {*bids} <= {*twin.pairs}
    assert sum(bid.price for bid in bids) == max(sum(bid.price for bid in one) for one in twin.sets())
    for line in {bid.line for bid in bids}:
        assert LEASE - table.leases.available(line) == sum(bid.price for bid in bids if bid.line == line)


@settings(max_examples=examples(300), deadline=None)
@given(campaign_sets(), requests)
def test_several_pods_and_other_imps_keep_the_rules(campaigns: Snapshot, request: dict) -> None:
    twin, bids, _ = decide(campaigns, request)
    assert twin.allowed(bids) and {*bids} <= {*twin.pairs}
    assert bool(bids) == bool(twin.pairs)
    for pair in twin.pairs:  # no room is left for anything more
        if twin.pod(pair.imp) is not None:
            assert pair in bids or not twin.allowed((*bids, pair))


def crowd(seed: int) -> Snapshot:
    """Sixty line items of odd lengths and prices, most of which keep others away."""
    draw = random.Random(seed)
    creatives = tuple(
        Creative(
            n, f"c{n}", n, 640, 360, "https://a.example/", format="video",
            video=Video(draw.choice((7, 11, 13, 17, 19, 23)) * 1000, FILES, mimes=("video/mp4",)),
        )
        for n in range(1, 61)
    )  # fmt: skip
    items = tuple(
        LineItem(
            n, f"l{n}", n, f"L{n}", draw.randrange(1_000_000, 9_000_000), Targeting(), (n,),
            separate_from=tuple(sorted(draw.sample([k for k in range(1, 61) if k != n], 6))),
        )
        for n in range(1, 61)
    )  # fmt: skip
    advertisers = tuple(Advertiser(n, f"a{n}", "A", "USD", "UTC", f"a{n}.example", ("IAB1",)) for n in range(1, 61))
    campaigns = tuple(Campaign(n, f"k{n}", n, "K", 0, 2**62) for n in range(1, 61))
    exchanges = (Exchange(1, "usx", "USD", every_format("burl")),)
    return Snapshot(1, 0, exchanges, (), advertisers, campaigns, items, creatives, (), ())


def greedy(twin: Twin, order: list[Pair]) -> int:
    """What the pairs earn that are taken in this order as long as they fit."""
    chosen: tuple[Pair, ...] = ()
    for pair in order:
        if twin.allowed((*chosen, pair)):
            chosen = (*chosen, pair)
    return sum(pair.price for pair in chosen)


def optimum(twin: Twin, seconds: int) -> int:
    """The most that a dynamic pod of this length can earn, by taking or leaving one pair after the other; what is left
    could earn no more than if ads could be cut off where the pod ends.
    """
    pairs = sorted(twin.pairs, key=lambda pair: -pair.price / twin.seconds(pair.creative))
    lengths = [twin.seconds(pair.creative) for pair in pairs]
    apart = [
        {j for j in range(len(pairs)) if j != i and not twin.beside(pairs[i], pairs[j])} for i in range(len(pairs))
    ]
    best = 0

    def walk(at: int, barred: set[int], left: int, worth: int) -> None:
        nonlocal best
        best = max(best, worth)
        free = [k for k in range(at, len(pairs)) if k not in barred and lengths[k] <= left]
        room, most = left, float(worth)
        for k in free:
            most += pairs[k].price * min(1.0, room / lengths[k])
            room -= min(room, lengths[k])
        if free and most > best:
            walk(free[0] + 1, barred | apart[free[0]], left - lengths[free[0]], worth + pairs[free[0]].price)
            walk(free[0] + 1, barred, left, worth)

    walk(0, set(), seconds, 0)
    return best


def cut_short(table: Table, request: dict) -> bool:
    """Does the explanation say that not everything could be tried?"""
    imps = [{"id": str(n), "video": video} for n, video in enumerate(request["imp"])]
    body = json.dumps({"id": "r", "site": {}, "imp": imps}).encode()
    found = explain(table.auction, body, table.view.sellers["usx"], table.view)
    return any("in the time that there is" in removal.why for removal in found.stages["choose"])


@pytest.mark.parametrize("seconds", [30, 60, 90, 127])
@pytest.mark.parametrize("seed", range(4))
def test_among_many_that_keep_away_from_each_other_the_best_are_found(seed: int, seconds: int) -> None:
    request = {"imp": [{"mimes": ["video/mp4"], "podid": "p", "poddur": seconds}]}
    twin, bids, table = decide(crowd(seed), request)
    assert twin.allowed(bids) and {*bids} <= {*twin.pairs}
    assert sum(bid.price for bid in bids) == optimum(twin, seconds)
    assert not cut_short(table, request)


@pytest.mark.parametrize("seed", range(4))
def test_a_pod_that_is_too_large_to_try_everything_is_filled_well(seed: int) -> None:
    request = {"imp": [{"mimes": ["video/mp4"], "podid": "p", "poddur": 300}]}
    twin, bids, table = decide(crowd(seed), request)
    assert twin.allowed(bids) and {*bids} <= {*twin.pairs}
    dearest = sorted(twin.pairs, key=lambda pair: -pair.price)
    densest = sorted(twin.pairs, key=lambda pair: -pair.price / twin.seconds(pair.creative))
    assert sum(bid.price for bid in bids) >= max(greedy(twin, order) for order in (dearest, densest))
    assert cut_short(table, request)
