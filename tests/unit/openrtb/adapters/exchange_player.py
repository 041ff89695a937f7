"""The other side of an adapter, for the battery: an exchange that fills in macros and calls notices as its pages say.

Nothing here comes from `openrtb.adapters`: what an exchange does with a macro is written down a second time.
"""

import json
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from msgspec.structs import replace

from campaigns.catalogue import Catalogue
from campaigns.reading import Reading
from campaigns.store import Store
from domain.campaign import Snapshot
from domain.clock import ManualClock
from domain.events import Event, Kind, Notice
from domain.exchange import Approval, Exchange
from domain.keys import Keys
from domain.token import Token
from pacing.ledger import read_settlements
from pacing.protocol import Settlement
from pacing.treasury import Treasury
from simulator.markup import read_markup
from simulator.sealed_price import encrypt
from tests.auction_table import NOW_NS, Table, snapshot
from trackers.counting import facts, mark_notice
from trackers.desk import Desk
from trackers.directory import Directory, Listing
from trackers.notices import read_notice

PRICE_KEY = urlsafe_b64encode(bytes(range(64))).decode()
IV = bytes(range(16))
SETTINGS: dict[str, dict[str, Any]] = {
    "generic": {"billing": "burl"},
    "google": {"billing_id": "77", "price_key": PRICE_KEY, "creative_account": "12"},
    "xandr": {"seat": "958"},
    "openx": {"price_key": PRICE_KEY},
    "pubmatic": {"seat": "123"},
    "smaato": {"billing": {"banner": "burl"}},
    "sovrn": {"billing": {"banner": "impression"}},
    "bidmachine": {"billing": {"banner": "nurl"}},
}
"""What an operator has to add to each profile."""
CPI = {"google", "openx"}
"""Encrypt the micros of one impression's cost, with Google's scheme."""


def exchange_of(adapter: str, **fields: Any) -> Exchange:
    """As the campaign file makes it: id 1, key ``usx``, USD."""
    ids = count(1)
    reading = Reading(Catalogue(), Path("."), lambda kind: next(ids), "2026-01-01")
    entry = {"key": "usx", "adapter": adapter, "currency": "USD", **SETTINGS.get(adapter, {}), **fields}
    reading.read({"exchanges": [entry]})
    return reading.new.exchanges["usx"]


def campaigns_on(exchange: Exchange) -> Snapshot:
    """The golden campaigns, sold on this exchange, which has approved the creatives."""
    plain = snapshot()
    approved = tuple(Approval(creative.id, exchange.id, "approved") for creative in plain.creatives)
    return replace(plain, exchanges=(exchange, *plain.exchanges[1:]), approvals=approved)


@dataclass
class Player:
    """An exchange that sells, and our tracker's reading and ledger behind the URLs it calls."""

    exchange: Exchange
    data: Path
    store: Store
    memory: dict[bytes, bytes] = field(default_factory=dict)
    log: list[Event] = field(default_factory=list)
    last: int = 0

    def __post_init__(self) -> None:
        self.table = Table(campaigns_on(self.exchange))
        (self.data / "directory").write_bytes(msgspec.msgpack.encode(Listing(1, (), (self.exchange,))))
        directory = Directory("http://127.0.0.1:1/", self.data / "directory")
        keys = Keys(b"0123456789abcdef", b"fedcba9876543210", bytes(32))
        self.clock = ManualClock(NOW_NS)
        self.desk = Desk(keys, self.clock, None, directory, "money/0", self.data)  # type: ignore[arg-type]
        self.treasury = Treasury(self.store.write, self.data, self.clock, self.table.campaigns)
        self.treasury._logs = self  # type: ignore[assignment]

    def read(self, limit: int) -> tuple[str, int, list[Event]]:
        """As `pacing.settler.MoneyLogs` reads."""
        batch, self.log = self.log[:limit], self.log[limit:]
        return "money/0", 0, batch

    def booked(self, name: str, position: int) -> None:
        """As `pacing.settler.MoneyLogs` is told."""

    def complete_ns(self, now_ns: int) -> int:
        return 0

    def bid(self, request: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """(response, its bid)"""
        response = self.table.decide(request)
        assert isinstance(response, dict), response
        return response, response["seatbid"][0]["bid"][0]  # type: ignore[index]

    def price(self, cpm: Decimal) -> str:
        nanos = int(cpm * 1_000_000)
        if self.exchange.adapter in CPI:
            assert nanos % 1000 == 0
            return encrypt(nanos // 1000, PRICE_KEY, IV)
        return encrypt(nanos, PRICE_KEY, IV) if self.exchange.price_key else f"{cpm:f}"

    def filled(self, text: str, cpm: Decimal, **more: str) -> str:
        """The text with this exchange's macros substituted; what it does not know becomes empty."""
        price = self.price(cpm)
        values = {
            "AUCTION_PRICE": price,
            "AUCTION_PRICE:OXCRYPT": price,
            "AUCTION_CURRENCY": "USD",
            "AUCTION_LOSS": "102",
        }
        values |= {"AUCTION_PRICE:B64": urlsafe_b64encode(price.encode()).decode(), "AUCTION_MIN_TO_WIN": "3.21"}
        values |= {"AUCTION_MINIMUM_BID_TO_WIN": "3.21", **more}
        return re.sub(r"\$\{([A-Z_0-9:]+)\}", lambda match: values.get(match[1], ""), text)

    def urls(self, bid: dict[str, Any], cpm: Decimal, **more: str) -> dict[Kind, str]:
        """What is called, by what it tells."""
        pixel = next(u for u in read_markup(bid["adm"]).images if "/impression/" in u)
        told = {
            Kind.WIN: bid.get("nurl"),
            Kind.BILLING: bid.get("burl"),
            Kind.LOSS: bid.get("lurl"),
            Kind.IMPRESSION: pixel,
        }
        return {kind: self.filled(url, cpm, **more) for kind, url in told.items() if url}

    def call(self, url: str, kind: Kind) -> Notice:
        """What the tracker makes of a URL that is called."""
        parts = urlsplit(url)
        assert len(url) < 512 and parts.path.startswith(f"/{kind.name.lower()}/")
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        notice = mark_notice(read_notice(self.desk, self.token(url, kind), kind, query), self.memory.get)
        self.memory |= {fact.key: fact.value for fact in facts(notice) if fact.table == "seen"}
        self.log.append(notice)
        return notice

    def token(self, url: str, kind: Kind, extra: bytes = b"") -> Token:
        return self.desk.sealer.open(urlsplit(url).path.rsplit("/", 1)[1], kind, extra)

    def settle(self) -> list[Settlement]:
        self.treasury.settle(1000)
        with self.store.read() as conn:
            rows = read_settlements(conn, self.last, 1000)
        self.last = rows[-1].id if rows else self.last
        return list(rows)

    def follow_click(self, link: str) -> str:
        """Where our click tracker is called after the exchange's own has sent the browser on."""
        if self.exchange.adapter == "google":
            before, macro, after = link.partition("%%CLICK_URL_UNESC%%")
            assert not before and macro and not re.search("[:/?&]", after), link
            return unquote(after)
        return link


REQUEST = json.loads((Path(__file__).parents[3] / "golden" / "request.json").read_text())
