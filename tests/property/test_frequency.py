"""Frequency caps of the auction against a twin in plain Python, whatever bids, losses, impressions, times and changes
of campaigns come.
"""

import json
import re
import time
from typing import Any, cast

from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bidder.auction import NoBid
from bidder.changes import change_of
from domain.campaign import Advertiser, Audience, Campaign, Clause, LineItem, Snapshot, Targeting
from domain.clock import SECOND
from domain.creative import Creative, every_format
from domain.events import Bid, Kind
from domain.exchange import Exchange
from domain.frequency import UNITS, FrequencyCap
from domain.token import Token
from targeting.holds import Holds
from targeting.households import device_key, household_key
from targeting.identity_keys import parse_person
from targeting.joint_caps import is_capped_together
from targeting.merge import joined
from targeting.merge import merge as merged
from targeting.record import advertiser_scope, campaign_scope, creative_scope, line_item_scope
from targeting.record_editor import Editor
from targeting.unpacked import Record, pack
from tests.auction_table import SEALER, People, Table, merge
from tests.examples import examples
from tests.fleet_twin import FleetTwin
from tests.frequency_twin import GRACE_S, Ad, Ledger

EXPIRY_S = 60
WINDOWS = (60, 600, 7_200, 86_400)
DEVICES = {"phone": {"device": {"ifa": "phone"}}, "laptop": {"user": {"buyeruid": "laptop"}}}
"""Ann's, by the ids that requests from them have; both are keys of hers."""
LOGIN = "email:ann@example.com"
ADDRESSES = ("203.0.113.7", "203.0.113.8", "2001:db8:1:2::7", "2001:db8:1:2::8", "203.0.113.0")
HOUSES = {"203.0.113.7": "a", "203.0.113.8": "b", "2001:db8:1:2::7": "c", "2001:db8:1:2::8": "c", "203.0.113.0": ""}

PERSONS = {parse_person(LOGIN): "person ann", parse_person("buyeruid:usx:bob"): "person bob"}
"""Both are in both audiences."""
OWN = {"phone": "ifa:phone", "laptop": "buyeruid:usx:laptop", "bob's": "buyeruid:usx:bob"}
NUMBERS = {parse_person(id_) & 0xFFFF_FFFF: name for name, id_ in OWN.items()}
ONE, OTHER, EITHER = (Clause("audience", ids) for ids in (("1",), ("2",), ("1", "2")))
NOT_OTHER = Clause("audience", ("2",), False)
TARGETINGS = [
    Targeting(ways)
    for ways in (((),), ((),), ((ONE,),), ((OTHER,),), ((EITHER,),), ((ONE,), (OTHER,)), ((ONE,), (NOT_OTHER,)))
]

caps = st.lists(
    st.builds(FrequencyCap, st.integers(1, 4), st.sampled_from(WINDOWS), st.sampled_from(UNITS)), max_size=2
).map(tuple)


@st.composite
def campaign_sets(draw: st.DrawFn) -> Snapshot:
    """Two advertisers with two creatives each, three campaigns, five line items with prices of their own."""
    audiences = tuple(Audience(n, f"u{n}", 1, "U", 1, frequency_caps=draw(caps)) for n in (1, 2))
    return Snapshot(
        1, 0, (Exchange(1, "usx", "USD", every_format("burl"), bid_expiry_s=EXPIRY_S),), (),
        tuple(Advertiser(n, f"a{n}", "A", "USD", "UTC", "bank.example", ("IAB13",), frequency_caps=draw(caps))
              for n in (1, 2)),
        tuple(Campaign(n, f"k{n}", 1 + n % 2, "K", 0, 2**62, frequency_caps=draw(caps)) for n in (1, 2, 3)),
        tuple(
            LineItem(n, f"l{n}", 1 + n % 3, f"L{n}", n * 1_000_000,
                     draw(st.sampled_from(TARGETINGS)), (1 + (1 + n % 3) % 2, 3 + (1 + n % 3) % 2),
                     frequency_caps=draw(caps))
            for n in range(1, 6)
        ),
        tuple(Creative(n, f"c{n}", 2 - n % 2, 300, 250, "https://bank.example/", "https://cdn.example/i.png",
                       frequency_caps=draw(caps)) for n in range(1, 5)),
        (), audiences,
    )  # fmt: skip


ask = st.tuples(
    st.just("ask"), st.integers(1, 3), st.sampled_from(("ann", "bob", "")), st.sampled_from(sorted(DEVICES)),
    st.sampled_from(ADDRESSES),
)  # fmt: skip
tell = st.tuples(st.sampled_from(("show", "show", "lose")), st.integers(0, 7))
change = st.one_of(
    st.tuples(
        st.just("change"), st.just("line_items"), st.integers(1, 5),
        st.fixed_dictionaries({
            "targeting": st.sampled_from(TARGETINGS), "frequency_caps": caps,
            "status": st.sampled_from(("active", "active", "paused")),
        }),
    ),
    st.tuples(
        st.just("change"), st.sampled_from(("campaigns", "creatives")), st.integers(1, 3),
        st.fixed_dictionaries({"frequency_caps": caps}),
    ),
)  # fmt: skip
wait = st.tuples(st.just("wait"), st.sampled_from((2, 10, 40, 100, 600, 7_000, 90_000)))


class World:
    """An auction whose impressions and losses are told to its records and holds as a tracker does it."""

    def __init__(self, campaigns: Snapshot, in_fleet: bool) -> None:
        holds, people = None if in_fleet else Holds(None, 500), Clockwork()
        fleet = FleetTwin() if in_fleet else None
        self.holds = people.holds = cast(Holds | FleetTwin, holds or fleet)
        self.holds.frozen_ns = time.monotonic_ns() + 10**15
        self.table = Table(campaigns, people, holds=holds, fleet=fleet)
        for person in (LOGIN, "buyeruid:usx:bob"):
            people.put(person, {1: 2**32 - 1, 2: 2**32 - 1}, {})
        people.join(LOGIN, "ifa:phone")
        people.join(LOGIN, "buyeruid:usx:laptop")
        self.people, self.twin = people, Ledger(campaigns)
        self.sent: list[Token] = []
        self.done: set[int] = set()

    @property
    def now_s(self) -> int:
        return self.table.clock.now_ns() // SECOND

    def wait(self, seconds: int) -> None:
        self.table.clock.advance(seconds)
        self.holds.frozen_ns += seconds * SECOND

    def change(self, part: str, id_: int, fields: dict[str, Any]) -> None:
        """Publishes other campaigns, which the view takes in place."""
        known = self.twin.campaigns
        things = tuple(replace(one, **fields) if one.id == id_ else one for one in getattr(known, part))
        published = replace(known, version=known.version + 1, **{part: things})
        found = change_of(self.table.view, published)
        assert found is not None
        self.table.view.apply(found, self.table.leases)
        self.twin.publish(published)

    def ask(self, imps: int, person: str, agent: str, address: str) -> None:
        """Ann has several devices; of Bob nothing is known but one id."""
        ids = {"ann": DEVICES[agent], "bob": {"user": {"buyeruid": "bob"}}}.get(person, {})
        request = merge({
            "id": str(len(self.table.log)), "site": {}, "device": {"ip": address},
            "imp": [{"id": str(n), "banner": {"w": 300, "h": 250}} for n in range(imps)],
        }, ids)  # fmt: skip
        device = {"ann": agent, "bob": "bob's"}.get(person, "")
        who = {"person": person and f"person {person}", "device": device, "household": HOUSES[address]}
        self.table.log.clear()
        self.table.auction.candidates.keep_reasons = True
        outcome = self.table.decide(json.dumps(request).encode())
        view, reasons = self.table.view, self.table.auction.candidates.reasons
        out = {
            (view.line_items[line].id, view.creatives[ad].id)
            for stage, line, ad, _, _ in reasons
            if stage == "frequency"
        }
        targeted = {item.id for item in self.twin.items.values() if item.status == "active" and meets(item, person)}
        pairs = [(item, c) for item in sorted(targeted) for c in self.twin.items[item].creatives]
        expected = {pair for pair in pairs if not self.twin.room(Ad(*pair), who, self.now_s)}
        assert out == expected, (out ^ expected, who)
        bids = [found for found in self.table.events() if isinstance(found, Bid)]
        self.check_choice(bids, [pair for pair in pairs if pair not in out], imps, who)
        texts = [] if isinstance(outcome, NoBid) else [bid["adm"] for seat in outcome["seatbid"] for bid in seat["bid"]]
        for bid, text in zip(bids, texts, strict=True):
            token = SEALER.open(re.search(r"/impression/([\w-]{155})", text)[1], Kind.IMPRESSION)
            self.sent.append(token)
            ad = Ad(bid.line_item, bid.creative)
            whose = {who[cap.by] for _, _, cap in self.twin.caps(ad)}
            self.twin.flying[bid.bid] = (self.now_s + EXPIRY_S + GRACE_S, whose, ad)
            assert (token.person != 0) == bool(person) and bool(token.household) == (who["household"] in whose)
            assert NUMBERS.get(token.device, "") == (device if device in whose or person == "ann" else "")

    def check_choice(self, bids: list[Bid], allowed: list[tuple[int, int]], imps: int, who: Any) -> None:
        """On each imp in turn the dearest line item that is not on another and has room beside those chosen."""
        chosen: list[Ad] = []
        for place in range(imps):
            free = {
                item
                for item, creative in allowed
                if item not in {c.line_item for c in chosen}
                and self.twin.room(Ad(item, creative), who, self.now_s, chosen)
            }
            here = [bid for bid in bids if bid.imp == place]
            assert [bid.line_item for bid in here] == ([max(free)] if free else []), (place, here, free)
            for bid in here:
                assert self.twin.room(Ad(bid.line_item, bid.creative), who, self.now_s, chosen)
                chosen.append(Ad(bid.line_item, bid.creative))

    def show(self, token: Token) -> None:
        """The first impression counts; what is told of the bid again, or of its loss then, changes nothing."""
        keys = [key for key in (token.person, device_key(token.device), household_key(token.household)) if key]
        ids = (token.campaign, token.line_item, token.advertiser, token.creative)
        if token.bid in self.done:
            for key in keys:
                assert not self.holds.counted(key, token.bid) and not self.holds.lose(key, token.bid)
            return
        self.done.add(token.bid)
        _, whose, ad = self.twin.flying.pop(token.bid)
        for key in keys:
            assert self.holds.show(key, *ids, token.bid)
            assert not self.holds.lose(key, token.bid)
        for key in keys:
            editor = Editor()
            editor.load(self.people.records.get(key))
            scopes = (campaign_scope(ids[0]), line_item_scope(ids[1]), advertiser_scope(ids[2]), creative_scope(ids[3]))
            editor.show(self.now_s, scopes)
            several = joined(self.people.records.get(key))
            self.people.records[key] = merged([editor.pack()]) if several else editor.pack()
        for key in keys:
            assert self.holds.counted(key, token.bid)
        self.holds.frozen_ns += 3_000_000  # later by more than two ticks: who looks now knows the record as it is
        # A device of somebody who has several keys counts for itself, whether or not an ad is under such a cap.
        device = NUMBERS.get(token.device, "")
        self.twin.shown.append((self.now_s, {*whose, PERSONS.get(token.person, ""), device}, ad))

    def lose(self, token: Token) -> None:
        if token.bid in self.done:
            return
        for key in (token.person, device_key(token.device), household_key(token.household)):
            if key:
                self.holds.lose(key, token.bid)
        self.done.add(token.bid)
        self.twin.flying.pop(token.bid)


def meets(item: LineItem, person: str) -> bool:
    """Who is known is in both audiences; who is not, in none."""
    ways = item.targeting.any_of
    return any(all(clause.wanted == bool(person) for clause in conjunction) for conjunction in ways)


class Clockwork(People):
    holds: Holds | FleetTwin

    @property
    def taken_ns(self) -> int:
        return self.holds.frozen_ns


@settings(max_examples=examples(300), deadline=None)
@given(
    campaign_sets(),
    st.lists(st.one_of(ask, ask, ask, tell, tell, wait, change), min_size=12, max_size=45),
    st.booleans(),
)
def test_caps_agree_with_their_twin(campaigns: Snapshot, steps: list[Any], in_fleet: bool) -> None:
    """Whether bids are held on this host or for a fleet."""
    world = World(campaigns, in_fleet)
    for name, *rest in steps:
        if name == "ask":
            world.ask(*rest)
        elif name in ("wait", "change"):
            getattr(world, name)(*rest)
        elif len(world.sent) > rest[0]:
            getattr(world, name)(world.sent[-1 - rest[0]])
    event(f"bids: {min(len(world.sent) // 5 * 5, 20)}, shown: {min(len(world.twin.shown) // 5 * 5, 20)}")


@given(
    st.dictionaries(st.integers(1, 6), st.lists(st.integers(0, 300_000), min_size=1, max_size=30), max_size=5),
    st.sets(st.integers(1, 6)), st.integers(0, 40), st.integers(1, 300_000), st.integers(0, 400_000),
)  # fmt: skip
def test_line_items_are_capped_together(
    shown: dict[int, list[int]], together: set[int], impressions: int, seconds: int, now_s: int
) -> None:
    record = pack(Record({}, {line_item_scope(item): sorted(times) for item, times in shown.items()} | {
        campaign_scope(1): sorted(time for times in shown.values() for time in times) or [0]}))  # fmt: skip
    seen = sum(time + seconds > now_s for item in together for time in shown.get(item, ()))
    assert is_capped_together(record, sorted(together), impressions, seconds, now_s) == (seen >= impressions)
