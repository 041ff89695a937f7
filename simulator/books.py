"""The exchange's own books: what it sold, which notices were acknowledged, and so what it charges.

One SQLite file for all runs and all simulator processes, as an exchange has one set of books. A sale and its notices
are committed before the first notice leaves, so a simulator that dies resumes its notices at the next start. Rules of
the house: a notice counts once it was acknowledged; a sale is charged when the notice that this exchange bills by was
acknowledged; audits and tests are kept, and count nowhere. Nothing here knows Outbid's ledger.
"""

import asyncio
import secrets
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from domain.clock import Clock, SystemClock

SCHEMA = """
CREATE TABLE IF NOT EXISTS sales (
    id INTEGER PRIMARY KEY,
    exchange TEXT NOT NULL,
    currency TEXT NOT NULL,
    request TEXT NOT NULL,
    imp TEXT NOT NULL,
    bid TEXT NOT NULL,
    price INTEGER NOT NULL,     -- nanos of the currency for the one impression
    billing TEXT NOT NULL,      -- the kind of notice that charges it
    counts INTEGER NOT NULL,    -- 0: an audit or a test
    sold_ns INTEGER NOT NULL,
    format TEXT NOT NULL DEFAULT 'banner'
);
CREATE TABLE IF NOT EXISTS notices (
    sale INTEGER NOT NULL REFERENCES sales (id),
    kind TEXT NOT NULL,
    url TEXT NOT NULL,
    body TEXT,                  -- of a server postback
    advertiser TEXT,            -- who signs the postback
    state TEXT NOT NULL,
    PRIMARY KEY (sale, kind)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS notices_pending ON notices (state) WHERE state = 'pending';
"""

ADDED = (
    ("sales", "format", "TEXT NOT NULL DEFAULT 'banner'"),
    ("sales", "person", "TEXT NOT NULL DEFAULT ''"),
    ("sales", "campaign", "TEXT NOT NULL DEFAULT ''"),
    ("sales", "asked_ns", "INTEGER NOT NULL DEFAULT 0"),
    ("sales", "click_chance", "REAL NOT NULL DEFAULT 0"),
    ("sales", "conversion_chance", "REAL NOT NULL DEFAULT 0"),
    ("notices", "settled_ns", "INTEGER NOT NULL DEFAULT 0"),
    ("notices", "cookie", "TEXT NOT NULL DEFAULT ''"),
    ("notices", "page", "TEXT NOT NULL DEFAULT ''"),
    ("notices", "before", "TEXT NOT NULL DEFAULT ''"),
)
"""Columns that books of an earlier version do not have."""

TOTALS = """
SELECT exchange, {by},
    sum(counts AND told) AS wins,
    sum(counts AND impression) AS impressions,
    sum(counts AND click) AS clicks,
    sum(counts AND conversion) AS conversions,
    sum(counts AND billed) AS billed,
    sum(price * (counts AND billed)) AS spend,
    sum(counts AND started) AS starts,
    sum(counts AND completed) AS completes,
    sum(counts AND measured) AS measured,
    sum(counts AND seen) AS viewable,
    sum(counts AND NOT told AND NOT pending) AS untold,
    sum(NOT counts) AS uncounted,
    sum(pending) AS pending,
    sum(refused) AS refused
FROM (
    SELECT sales.*,
        max(state IS 'acknowledged' AND kind IN ('win', 'billing', 'impression')) AS told,
        max(state IS 'acknowledged' AND kind = 'impression') AS impression,
        max(state IS 'acknowledged' AND kind = 'click') AS click,
        max(state IS 'acknowledged' AND kind = 'conversion') AS conversion,
        max(state IS 'acknowledged' AND kind = billing) AS billed,
        max(state IS 'acknowledged' AND kind = 'start') AS started,
        max(state IS 'acknowledged' AND kind = 'complete') AS completed,
        max(state IS 'acknowledged' AND kind IN ('viewable', 'not_viewable')) AS measured,
        max(state IS 'acknowledged' AND kind = 'viewable') AS seen,
        sum(state IS 'pending') AS pending,
        sum(state IS 'refused') AS refused
    FROM sales LEFT JOIN notices ON notices.sale = sales.id
    GROUP BY sales.id
)
GROUP BY exchange, {by} ORDER BY exchange, {by}
"""


class Kind(StrEnum):
    WIN = "win"
    BILLING = "billing"
    IMPRESSION = "impression"
    CLICK = "click"
    CONVERSION = "conversion"
    RETURN = "return"
    """A conversion of somebody who saw the ad, did not click, and came back by another way: without a click id."""
    START = "start"
    FIRST_QUARTILE = "first_quartile"
    MIDPOINT = "midpoint"
    THIRD_QUARTILE = "third_quartile"
    COMPLETE = "complete"
    MUTE = "mute"
    UNMUTE = "unmute"
    SKIP = "skip"
    VIEWABLE = "viewable"
    NOT_VIEWABLE = "not_viewable"


class State(StrEnum):
    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    LOST = "lost"
    """Deliberately never sent."""
    REFUSED = "refused"
    """Refused for good (a 4xx)."""


@dataclass(frozen=True)
class Sale:
    id: int
    exchange: str
    currency: str
    request: str
    imp: str
    bid: str
    price: int
    """Nanos of the currency, for the one impression."""
    billing: Kind
    counts: bool
    sold_ns: int
    format: str = "banner"
    """What was sold: banner, video, audio or native."""
    person: str = ""
    """To whom it was shown, as audience files name people; empty: nobody knows."""
    campaign: str = ""
    """The buyer's own id of it (``cid``)."""
    asked_ns: int = 0
    """When the bid request left."""
    click_chance: float = 0.0
    """That the impression is clicked, as only the exchange's books know it."""
    conversion_chance: float = 0.0
    """That who clicked becomes a customer."""


@dataclass(frozen=True)
class Notice:
    sale: int
    kind: Kind
    url: str
    state: State = State.PENDING
    body: str | None = None
    advertiser: str | None = None
    cookie: str = ""
    """The buyer's id of the browser that loads the URL; empty: it is told without."""
    page: str = ""
    """Where the browser is then."""
    before: str = ""
    """What it loads before that."""


@dataclass(frozen=True)
class Totals:
    """The books of one exchange. ``spend`` is nanos of its currency."""

    exchange: str
    currency: str
    wins: int
    impressions: int
    clicks: int
    conversions: int
    billed: int
    spend: int
    starts: int
    completes: int
    measured: int
    viewable: int
    untold: int
    """Sales of which no win, billing or impression notice reached the buyer: counted nowhere, shown apart."""
    uncounted: int
    """Audits and tests."""
    pending: int
    """Notices not acknowledged yet."""
    refused: int
    """Notices that the tracker refused for good: none should be."""


Write = tuple[str, tuple[int | float | str | None, ...]]


def new_sale_id() -> int:
    """Unique among all simulator processes without asking anyone."""
    return secrets.randbits(63)


class Books:
    """Writes are gathered for a moment and committed together, off the event loop; `durable` waits for them."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        # in this mode a killed process loses nothing that it committed; a machine may, with its power, the last moments
        self._database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + SCHEMA)
        for table, column, kind in ADDED:
            if column not in [row[1] for row in self._database.execute(f"PRAGMA table_info({table})")]:
                self._database.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
        self._written: list[Write] = []
        self._gathering: asyncio.Task[None] | None = None
        self._one_commit = asyncio.Lock()

    def sold(self, sale: Sale, notices: Iterable[Notice]) -> None:
        self._write(
            "INSERT INTO sales VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            sale.id, sale.exchange, sale.currency, sale.request, sale.imp, sale.bid, sale.price, sale.billing,
            int(sale.counts), sale.sold_ns, sale.format, sale.person, sale.campaign, sale.asked_ns,
            sale.click_chance, sale.conversion_chance,
        )  # fmt: skip
        for notice in notices:
            self.planned(notice)

    def planned(self, notice: Notice) -> None:
        """A sale has at most one notice of a kind; a second one is ignored."""
        self._write(
            "INSERT OR IGNORE INTO notices (sale, kind, url, body, advertiser, state, cookie, page, before)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            notice.sale, notice.kind, notice.url, notice.body, notice.advertiser, notice.state,
            notice.cookie, notice.page, notice.before,
        )  # fmt: skip

    def settled(self, notice: Notice, state: State) -> None:
        """The notice came to its end: acknowledged or refused."""
        now_ns = self.clock.now_ns()
        self._write(
            "UPDATE notices SET state = ?, settled_ns = ? WHERE sale = ? AND kind = ?",
            state, now_ns, notice.sale, notice.kind,
        )  # fmt: skip

    async def durable(self) -> None:
        """Returns when everything written before this call is committed; raises what SQLite raised."""
        await asyncio.shield(self._gather())

    def _write(self, statement: str, *values: int | float | str | None) -> None:
        self._written.append((statement, values))
        self._gather()

    def _gather(self) -> asyncio.Task[None]:
        if self._gathering is None:
            self._gathering = asyncio.create_task(self._commit_soon())
            self._gathering.add_done_callback(_heard)
        return self._gathering

    async def _commit_soon(self) -> None:
        await asyncio.sleep(0.005)
        async with self._one_commit:
            self._gathering = None  # what is written from now on goes with the next commit
            batch, self._written = self._written, []
            try:
                await asyncio.to_thread(self._commit, batch)
            except BaseException:
                self._written = batch + self._written
                raise

    def _commit(self, batch: list[Write]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            for statement, values in batch:
                self._database.execute(statement, values)
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    async def close(self) -> None:
        await self.durable()
        self._database.close()


def pending_notices(path: Path) -> list[Notice]:
    """Notices that an earlier run did not bring to an end (or that another process is sending at this moment)."""
    columns = "sale, kind, url, state, body, advertiser, cookie, page, before"
    rows = _read(path, f"SELECT {columns} FROM notices WHERE state = 'pending'")
    return [Notice(sale, Kind(kind), url, State(state), *rest) for sale, kind, url, state, *rest in rows]


def totals(path: Path) -> list[Totals]:
    """What the books say, for each exchange that sold anything; empty if no simulator ever ran."""
    return [Totals(*row) for row in _read(path, TOTALS.format(by="currency"))]


def totals_by_format(path: Path) -> dict[tuple[str, str], dict[str, int]]:
    """By exchange and format: the figures of `Totals`, by their names."""
    names = [field.name for field in fields(Totals)][2:]
    return {
        (str(exchange), str(format_)): dict(zip(names, map(int, figures), strict=True))
        for exchange, format_, *figures in _read(path, TOTALS.format(by="format"))
    }


def chances(path: Path) -> list[tuple[str, str, float, float, bool, bool]]:
    """Of each sale that counts and whose impression was acknowledged: exchange, the bid's id, the true chances of a
    click and of a conversion after it, and whether there were. For evaluations alone: nothing that bids may read it.
    """
    query = """
        SELECT exchange, bid, click_chance, conversion_chance,
            max(kind = 'click' AND state = 'acknowledged'), max(kind = 'conversion' AND state = 'acknowledged')
        FROM sales JOIN notices ON notices.sale = sales.id
        WHERE counts GROUP BY sales.id HAVING max(kind = 'impression' AND state = 'acknowledged')
    """
    return [(*row[:4], bool(row[4]), bool(row[5])) for row in _read(path, query)]


def shown(path: Path, campaign: str) -> list[tuple[str, int, int | None, int | None]]:
    """Of each sale of a campaign: to whom, when the bid request left, when the impression was acknowledged (None: it
    was not, or counts nowhere), and when a conversion was (None: there was none). Nanoseconds UTC.
    """
    query = """
        SELECT person, asked_ns,
            max(iif(counts AND kind = 'impression' AND state = 'acknowledged', settled_ns, NULL)),
            max(iif(counts AND kind = 'conversion' AND state = 'acknowledged', settled_ns, NULL))
        FROM sales LEFT JOIN notices ON notices.sale = sales.id
        WHERE campaign = ? GROUP BY sales.id
    """
    return _read(path, query, campaign)


def _read(path: Path, query: str, *values: str) -> list[tuple[Any, ...]]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as database:
        return database.execute(query, values).fetchall()


def _heard(task: asyncio.Task[None]) -> None:
    """A commit that nobody waits for may fail: its writes stay queued, and whoever asks for `durable` next is told."""
    if not task.cancelled():
        task.exception()
