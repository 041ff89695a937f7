"""What a tracker tells Prometheus, and whether it can do its work."""

import shutil
from collections.abc import Iterable, Mapping

from domain.settings import Places
from eventlog.writer import SPARE_BYTES
from monitoring import process
from monitoring.health import Readiness
from monitoring.page import Family, Page
from monitoring.process import LoopLag
from monitoring.web import Requests, request_seconds
from trackers.desk import Desk

REQUESTS = request_seconds("tracker")
EVENTS = Family("outbid_tracker_events_total", "counter", "Events recorded, by kind.", ("kind",))
MARKED = Family("outbid_tracker_marked_events_total", "counter", "Of these, with a mark.", ("kind", "mark"))
REFUSED = Family("outbid_tracker_refused_total", "counter", "Notices and calls refused, by why.", ("reason",))
PRICES = Family("outbid_tracker_unusable_prices_total", "counter", "Prices told that count for nothing.", ("reason",))
JOINS = Family("outbid_tracker_joins_total", "counter", "Ids to be joined, by what became of it.", ("outcome",))
OTHER = Family("outbid_tracker_other_total", "counter", "What else happened, by what.", ("what",))
BEHIND = Family("outbid_tracker_behind_events", "gauge", "Events in the log that are not in the profile store yet.")
LOG_PENDING = Family("outbid_tracker_log_pending_bytes", "gauge", "Of the money log, not handed to the kernel yet.")
LOG_LOST = Family("outbid_tracker_log_refused_records_total", "counter", "Events that the money log could not keep.")
LOG_SHUT = Family("outbid_tracker_log_shut", "gauge", "1 while the money log takes nothing.")
LOG_HELD = Family(
    "outbid_tracker_log_held_bytes", "gauge", "Of the money log, not passed by a consumer yet.", ("consumer",)
)
DIRECTORY = Family("outbid_tracker_directory_version", "gauge", "The snapshot whose advertisers are known; 0: none.")

FAMILIES = (
    *(REQUESTS, EVENTS, MARKED, REFUSED, PRICES, JOINS, OTHER),
    *(BEHIND, LOG_PENDING, LOG_LOST, LOG_SHUT, LOG_HELD, DIRECTORY, *process.FAMILIES),
)

REASONS = ("forged", "malformed", "log_full", "unknown_advertiser")
"""Of refusals; told from the beginning, so that the first is a rise."""
KINDS = ("win", "billing", "loss", "impression", "click", "event", "conversion", "visit")
_GROUPS = {"refused": REFUSED, "price": PRICES, "join": JOINS}
FAR_BEHIND = 50_000
"""Events held in memory because the profile store does not take them: more are no reason to stop, but to look."""


def page(desk: Desk, place: Places, requests: Requests, lag: LoopLag, held: Mapping[str, int]) -> Page:
    """All that is known, at this moment. ``held``: bytes of the log by the consumer that has not passed them."""
    told, writer = Page(FAMILIES), desk.recorder.writer
    process.describe(told, "tracker", place.data, lag)
    requests.put(told)
    counts = {f"refused.{reason}": 0 for reason in REASONS} | desk.counts
    for family, labels, count in _counts(counts.items()):
        told.add(family, count, *labels)
    told.add(BEHIND, desk.recorder.behind)
    told.add(LOG_PENDING, writer.waiting)
    told.add(LOG_LOST, writer.shed)
    told.add(LOG_SHUT, writer.shut)
    for consumer, size in sorted(held.items()):
        told.add(LOG_HELD, size, consumer)
    told.add(DIRECTORY, desk.directory.version)
    return told


def _counts(counts: Iterable[tuple[str, int]]) -> Iterable[tuple[Family, tuple[str, ...], int]]:
    """The desk's counters by the family that each belongs to."""
    for name, count in sorted(counts):
        group, _, rest = name.partition(".")
        if family := _GROUPS.get(group):
            yield family, (rest,), count
        elif group in KINDS:
            yield (MARKED, (group, rest), count) if rest else (EVENTS, (group,), count)
        else:
            yield OTHER, (name,), count


def readiness(desk: Desk) -> Readiness:
    """Ready is whose log takes money events. What is behind it makes up by itself."""
    told, writer = Readiness("tracker"), desk.recorder.writer
    if writer.shut:
        told.reasons["log"] = "the disk takes nothing; events are answered 503, and sent again by their senders"
    elif (free := shutil.disk_usage(writer.directory).free) < SPARE_BYTES:
        told.degraded["disk"] = f"{free >> 20} MiB are left"
    if (behind := desk.recorder.behind) > FAR_BEHIND:
        told.degraded["memory"] = f"the profile store is {behind} events behind the log"
    if not desk.directory.version:
        told.degraded["directory"] = "no snapshot has come from control yet: advertisers and exchanges are not known"
    return told
