"""A whole auction in memory for the tests: a small set of campaigns, leases, and people; real stages, no network."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bidder.answer import Answer
from bidder.auction import Aside, Auction, NoBid
from bidder.enrichment.chain import Chain
from bidder.enrichment.device import DeviceModule
from bidder.enrichment.geo import GeoModule
from bidder.enrichment.memory import Memory
from bidder.enrichment.profile import ProfileModule
from bidder.enrichment.supply import SupplyModule
from bidder.frequency import History
from bidder.journal import Journal
from bidder.leases import Leases
from bidder.view import View
from bidder.worth import Worth
from domain.campaign import Snapshot
from domain.clock import ManualClock
from domain.events import Event, decode
from domain.token import Sealer
from openrtb.tcf import Vendor
from pacing.protocol import Grant
from targeting import sellers
from targeting.audience_algebra import definitions_of, resolved
from targeting.expression import published
from targeting.holds import Holds
from targeting.households import device_key, household_key, household_of
from targeting.identity_keys import parse_person
from targeting.merge import alias, joined
from targeting.merge import merge as merged
from targeting.record import campaign_scope, line_item_scope
from targeting.redis_lookup import UNKNOWN
from targeting.unpacked import Record, pack
from tests.fleet_twin import FleetTwin

NOW_NS = 1_795_521_600_000_000_000
"""Tuesday 2026-11-24 12:00 UTC."""
SEALER = Sealer(b"0123456789abcdef", b"fedcba9876543210")
CAMPAIGNS = Path(__file__).parent / "golden" / "campaigns.json"
PLENTY = 10**15


def merge(base: object, patch: object) -> object:
    """RFC 7396 JSON merge patch, and ``"key[2]"`` for the third element of a list."""
    if not isinstance(patch, dict):
        return patch
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if key.endswith("]"):
            name, place = key[:-1].split("[")
            items = list(result[name])
            items[int(place)] = merge(items[int(place)], value)
            result[name] = items
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def snapshot(patch: object = None) -> Snapshot:
    """The campaign set of the golden cases, with changes."""
    merged: Any = merge(json.loads(CAMPAIGNS.read_text()), patch or {})
    for item in merged["line_items"]:  # expressions, for they can be patched
        item["targeting"] = msgspec.to_builtins(published(item["targeting"]))
    made = msgspec.convert(merged, Snapshot)
    definitions = definitions_of(made.audiences)
    items = tuple(resolved(item, definitions) for item in made.line_items)
    return msgspec.structs.replace(made, line_items=items)


class People:
    """Profiles by written person (``buyeruid:usx:ann``), in place of the LMDB reader."""

    def __init__(self) -> None:
        self.records: dict[int, bytes] = {}

    def put(self, person: str, segments: dict[int, int], shown: dict[int, list[int]], **parts: Any) -> None:
        """``ip:…`` is a household, ``device:…`` what a device counts for itself; ``parts``: other parts of
        `targeting.unpacked.Record`."""
        kind, _, rest = person.partition(":")
        if kind == "ip":
            key = household_key(household_of(rest))
        else:
            key = device_key(parse_person(rest) & 0xFFFF_FFFF) if kind == "device" else parse_person(person)
        self.records[key] = pack(Record(segments, shown, **parts))

    def be_late(self, person: str) -> None:
        """Redis does not say in time what is known of them."""
        self.records[parse_person(person)] = UNKNOWN

    def join(self, person: str, other: str) -> None:
        """``other`` is one more key of the person, whose key is ``person``."""
        key = parse_person(person)
        if not joined(self.records.get(key)):
            self.records[key] = merged([self.records.get(key)])
        self.records[parse_person(other)] = alias(key)

    def get(self, person: int) -> bytes | None:
        return self.records.get(person)

    any_opted_out = True

    @property
    def taken_ns(self) -> int:
        """A look-up sees all that was put before."""
        return time.monotonic_ns()


CODES = {"RESELLER": 0, "DIRECT": 1, "PUBLISHER": 0, "INTERMEDIARY": 1, "BOTH": 2}


class Files:
    """ads.txt, app-ads.txt and sellers.json in place of the LMDB store. A text is an alias: that name's file counts."""

    def __init__(self) -> None:
        self.records: dict[int, bytes] = {}

    def put(self, files: dict[str, Any], until_s: int = NOW_NS // 10**9 + 1) -> None:
        """``{"ads.txt": {"news.example": [["usx.example", "pub-1", "DIRECT"]], "none.example": null}}``"""
        for kind, names in files.items():
            for name, said in names.items():
                self.records[sellers.key_of(kind, name)] = (
                    sellers.pack_none(until_s)
                    if said is None
                    else sellers.pack_alias(said, until_s)
                    if isinstance(said, str)
                    else sellers.pack([(system, account, CODES[code]) for system, account, code in said], until_s)
                )

    def get(self, key: int) -> bytes | None:
        return self.records.get(key)


class Listed:
    """Black lists in place of `risk.lists`."""

    def __init__(self, listed: list[str]) -> None:
        places = {one[3:] for one in listed if one.startswith("ip:")}
        self.addresses: dict[str, bool] = Memory(places.__contains__)
        self.changed = {parse_person(one): True for one in listed if not one.startswith("ip:")}
        self.tables = ()

    def is_black(self, keys: Sequence[int], ip: str | None, now_s: int) -> bool:
        assert now_s == NOW_NS // 10**9
        return bool(ip and self.addresses[ip]) or not self.changed.keys().isdisjoint(keys)


@dataclass
class Table:
    """One worker's auction. ``log`` is what it would have appended to the event log."""

    campaigns: Snapshot = field(default_factory=snapshot)
    people: People = field(default_factory=People)
    lease: int = PLENTY
    tracker_base: str = "https://t.example"
    vendor: int = 0
    """Our id in the Global Vendor List."""
    holds: Holds | None = None
    fleet: FleetTwin | None = None
    """Where bids are held, if not in ``holds``."""

    def __post_init__(self) -> None:
        self.clock = ManualClock(NOW_NS)
        self.log: list[bytes] = []
        self.leases = Leases()
        answer = Answer(SEALER, self.append, self.tracker_base)
        answer.start(7)
        chain = Chain([ProfileModule(self.people), GeoModule(), DeviceModule()])
        self.files = Files()
        journal, files = Journal(self.append, 1), SupplyModule(self.files)
        history = History(self.people, self.holds, fleet=self.fleet)
        self.auction = Auction(chain, self.leases, answer, journal, self.clock, Vendor(self.vendor), files, history)
        self.view = View(self.campaigns, self.leases, self.tracker_base.startswith("https://"))
        for item in self.campaigns.line_items:
            if self.lease:
                self.leases.apply(Grant(1_000 + item.id, item.id, self.lease, 60.0), time.monotonic_ns())

    def blacken(self, listed: list[str]) -> None:
        """Lists in this process, with these persons and addresses on a black one."""
        self.auction.worth = Worth(risk="in_process")
        self.auction.worth.use_lists(Listed(listed))

    def append(self, record: bytes) -> int:
        self.log.append(record)
        return len(self.log)

    def decide(self, request: object, exchange: str = "usx") -> dict[str, Any] | NoBid:
        """A request as an object (or raw bytes) -> the response as an object, or the no-bid."""
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        outcome = self.auction.decide(body, self.view.sellers[exchange], self.view)
        if isinstance(outcome, Aside):
            assert self.fleet is not None
            aside = outcome
            outcome = self.auction.resume(aside, self.fleet.take(aside, self.people.get))
            self.fleet.let_go(aside)
        return outcome if isinstance(outcome, NoBid) else json.loads(outcome)

    def events(self) -> list[Event]:
        return [decode(record) for record in self.log]


__all__ = ["NOW_NS", "SEALER", "People", "Table", "campaign_scope", "line_item_scope", "merge", "snapshot"]
