"""What control tells Prometheus, and whether it can do its work."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from campaigns.databases import Unreachable
from campaigns.seat import Unseated
from domain.settings import Places
from monitoring import process
from monitoring.health import Readiness
from monitoring.histogram import Histogram
from monitoring.page import Family, Page
from monitoring.process import LoopLag
from monitoring.web import Requests, request_seconds
from pacing.tables import settlements

if TYPE_CHECKING:
    from campaigns.control import Control

REQUESTS = request_seconds("control")
API_REQUESTS = request_seconds("control_api")
STANDBY = Family("outbid_control_standby", "gauge", "1 while another control is at work on this store.")
STORE_UP = Family("outbid_control_store_up", "gauge", "1 if the control store answered.")
SNAPSHOT = Family("outbid_control_snapshot_version", "gauge", "The published snapshot.")
SNAPSHOT_AGE = Family("outbid_control_snapshot_age_seconds", "gauge", "Since it was published, business time.")
WORKERS = Family("outbid_control_workers", "gauge", "Bidder workers that send heartbeats.")
LEASES = Family("outbid_control_leases", "gauge", "Leases that hold money, by state.", ("state",))
BEHIND = Family("outbid_control_money_log_behind_bytes", "gauge", "Of the money logs, not booked yet.")
UNSETTLED = Family(
    "outbid_control_unsettled_seconds", "gauge", "Since the settler had booked all that it knew of; 0 while it has."
)
SETTLED = Family("outbid_control_settled_events_total", "counter", "Events that the settler has read.")
SETTLEMENT = Family("outbid_control_settlement_id", "gauge", "The last booking's id: the settler's position.")
OVERSPENT = Family(
    "outbid_control_overspent_ratio", "gauge", "Share by which the worst overspent budget is overspent; 0: none is."
)
TROUBLE = Family("outbid_control_duty_trouble", "gauge", "1 for each duty that does not get on.", ("duty",))
DUTY_SECONDS = Family("outbid_control_duty_seconds", "histogram", "Time that a duty took.", ("duty",))

FAMILIES = (
    *(REQUESTS, STANDBY, STORE_UP, SNAPSHOT, SNAPSHOT_AGE, WORKERS, LEASES, BEHIND, UNSETTLED, SETTLED, SETTLEMENT),
    *(API_REQUESTS, OVERSPENT, TROUBLE, DUTY_SECONDS, *process.FAMILIES),
)

CAUGHT_UP_S = 10.0
"""A ledger that was up to date so recently is: events come all the time, and are booked in turn."""


class Duties:
    """How control's duties get on."""

    def __init__(self) -> None:
        self.taken: dict[str, Histogram] = {}
        self.events = 0
        self._caught_up_s: float | None = None

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.taken.setdefault(name, Histogram()).observe(time.perf_counter() - began)

    def settled(self, events: int, limit: int) -> None:
        """The settler has booked so many, and would have booked ``limit`` had there been as many."""
        self.events += events
        if events < limit or self._caught_up_s is None:
            self._caught_up_s = time.monotonic()

    def unsettled_s(self, behind: int) -> float:
        """For how long there has been something to book."""
        if self._caught_up_s is None or not behind:
            return 0.0
        return time.monotonic() - self._caught_up_s


async def page(control: "Control", requests: Requests, lag: LoopLag) -> Page:
    """Asks the store, too: if that does not answer, what else is known is told."""
    told = Page(FAMILIES)
    process.describe(told, "control", control.place.data, lag)
    requests.put(told)
    control.api_requests.put(told)
    told.add(STANDBY, 0)
    snapshot, treasury = control.publisher.current, control.treasury
    told.add(SNAPSHOT, snapshot.version)
    told.add(SNAPSHOT_AGE, max(0.0, (control.clock.now_ns() - snapshot.published_ns) / 1e9))
    told.add(SETTLED, control.duties.events)
    for name in control.troubles():
        told.add(TROUBLE, 1, name)
    for name, taken in sorted(control.duties.taken.items()):
        taken.put(told, DUTY_SECONDS, name)
    try:
        standing = await control.at_desk(treasury.standing)
        last = await control.reading(_last_settlement)
    except (Unreachable, SQLAlchemyError, Unseated):
        told.add(STORE_UP, 0)
        return told
    told.add(STORE_UP, 1)
    told.add(WORKERS, standing.workers)
    told.add(LEASES, standing.open_leases, "open")
    told.add(LEASES, standing.returned_leases, "returned")
    told.add(BEHIND, standing.behind)
    told.add(UNSETTLED, control.duties.unsettled_s(standing.behind))
    told.add(SETTLEMENT, last)
    told.add(OVERSPENT, standing.overspent)
    return told


def _last_settlement(conn: Connection) -> int:
    return conn.execute(select(func.max(settlements.c.id))).scalar() or 0


def standby_page(place: Places, lag: LoopLag) -> Page:
    """Of a control that waits for its seat."""
    told = Page(FAMILIES)
    process.describe(told, "control", place.data, lag)
    told.add(STANDBY, 1)
    return told


async def readiness(control: "Control") -> Readiness:
    """Ready is whose store answers, whose duties get on, and whose ledger is not far behind the money logs."""
    told = Readiness("control", dict(control.troubles()))
    try:
        behind = await control.at_desk(control.treasury.behind)
        await control.reading(_last_settlement)
    except (Unreachable, SQLAlchemyError, Unseated) as error:
        told.reasons["store"] = f"{type(error).__name__}: {error}"
    else:
        if (late_s := control.duties.unsettled_s(behind)) > CAUGHT_UP_S:
            told.reasons["ledger"] = f"{behind} bytes of money log wait to be booked, for {late_s:.0f} s"
    return told
