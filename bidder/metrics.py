"""What a bidder worker tells Prometheus. The numbers are kept where they arise, and gathered when somebody asks."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bidder.stopwatch import SECONDS as STAGE_SECONDS
from bidder.tally import BOUNDS_S
from monitoring import process
from monitoring.page import Family, Page
from openrtb.parse import dropped

if TYPE_CHECKING:
    from bidder.control_link import ControlLink
    from bidder.enrichment.tables import Tables
    from bidder.model_watch import ModelWatch
    from bidder.service import Service
    from eventlog.writer import LogWriter

_OF_EXCHANGE = ("exchange",)
REQUESTS = Family("outbid_bidder_requests_total", "counter", "Bid requests received.", _OF_EXCHANGE)
BIDS = Family("outbid_bidder_bids_total", "counter", "Requests answered with a bid.", _OF_EXCHANGE)
NONE = Family("outbid_bidder_exchange_no_bids_total", "counter", "Requests answered without a bid.", _OF_EXCHANGE)
LATE = Family("outbid_bidder_late_answers_total", "counter", "Answers that took longer than tmax leaves.", _OF_EXCHANGE)
ANSWER_SECONDS = Family(
    "outbid_bidder_answer_seconds", "histogram", "Time from a request's last read to its answer.", _OF_EXCHANGE
)
NO_BIDS = Family("outbid_bidder_no_bids_total", "counter", "No-bids, by why and where.", ("reason", "stage"))
MALFORMED = Family("outbid_bidder_malformed_total", "counter", "Requests that could not be read.")
REFUSED = Family("outbid_bidder_refused_total", "counter", "Requests refused by HTTP, or without the secret.")
SHED = Family("outbid_bidder_shed_total", "counter", "Requests left unread because the worker ran late.")
FAILURES = Family("outbid_bidder_failures_total", "counter", "Requests that failed by a bug.")
DROPPED = Family("outbid_bidder_fields_dropped_total", "counter", "Optional fields that were not usable.", ("field",))
CONNECTIONS = Family("outbid_bidder_connections", "gauge", "Open connections of exchanges.")
HOLDS_FULL = Family("outbid_bidder_holds_full_total", "counter", "Bids not made for want of room to hold them.")
LOOKUPS = Family("outbid_bidder_profile_lookups_total", "counter", "Records asked of Redis.", ("ended",))
MODULE_QUESTIONS = Family(
    "outbid_bidder_module_questions_total", "counter", "Questions to scoring services.", ("module", "ended")
)
MODULE_SECONDS = Family(
    "outbid_bidder_module_seconds", "histogram", "Time that a scoring service took for an answer.", ("module",)
)
MODULE_RESTING = Family(
    "outbid_bidder_module_resting",
    "gauge",
    "1 while a scoring service is left alone because it does not answer.",
    ("module",),
)
SNAPSHOT = Family("outbid_bidder_snapshot_version", "gauge", "The snapshot in use; -1 before the first.")
SNAPSHOT_AGE = Family(
    "outbid_bidder_snapshot_age_seconds", "gauge", "Since the snapshot in use was published, business time."
)
LINE_ITEMS = Family("outbid_bidder_line_items", "gauge", "Live line items.")
CONTROL_SILENT = Family("outbid_bidder_control_silent_seconds", "gauge", "Since control answered last.")
COMPUTED_PRICE = Family(
    "outbid_bidder_computed_price_total",
    "counter",
    "CPM micros of all bids that strategies worked out, as exchanges' currencies have them.",
)
EXPLORED_PRICE = Family(
    "outbid_bidder_explored_price_total", "counter", "Of these, of bids that were drawn so as to learn."
)
LEASES = Family("outbid_bidder_leases", "gauge", "Leases held.")
LEASES_USED_UP = Family("outbid_bidder_leases_used_up", "gauge", "Leases of which all money is reserved.")
LOG_PENDING = Family("outbid_bidder_log_pending_bytes", "gauge", "Of the event log, not handed to the kernel yet.")
LOG_SHED = Family("outbid_bidder_log_shed_records_total", "counter", "Bid events that were not logged.")
LOG_SHUT = Family("outbid_bidder_log_shut", "gauge", "1 while the event log takes nothing.")
MODEL = Family("outbid_bidder_model_version", "gauge", "Models in use, by role; 0: none.", ("role",))
MODEL_TROUBLE = Family(
    "outbid_bidder_model_trouble", "gauge", "1 while a model that is wanted cannot be used.", ("role",)
)
MODELS_SWAPPED = Family("outbid_bidder_models_swapped_total", "counter", "Models put in use, or taken out.")
MODELS_REFUSED = Family("outbid_bidder_models_refused_total", "counter", "Models that could not be used.")
PREDICTED = Family("outbid_bidder_predicted_total", "counter", "Pairs of impression and creative that were predicted.")
UP = Family("outbid_bidder_workers", "gauge", "Workers of this host that answered.")

FAMILIES = (
    *(REQUESTS, BIDS, NONE, LATE, ANSWER_SECONDS, STAGE_SECONDS, NO_BIDS, MALFORMED, REFUSED, SHED, FAILURES, DROPPED),
    *(CONNECTIONS, HOLDS_FULL, LOOKUPS, SNAPSHOT, SNAPSHOT_AGE, LINE_ITEMS, CONTROL_SILENT, LEASES, LEASES_USED_UP),
    *(MODULE_QUESTIONS, MODULE_SECONDS, MODULE_RESTING),
    *(MODEL, MODEL_TROUBLE, MODELS_SWAPPED, MODELS_REFUSED, PREDICTED),
    *(COMPUTED_PRICE, EXPLORED_PRICE, LOG_PENDING, LOG_SHED, LOG_SHUT, UP, *process.FAMILIES),
)


@dataclass(frozen=True)
class Worker:
    """One bidder process beside what it decides; without a log and control, as in tests, little is told of them."""

    slot: int = 0
    data: Path = Path()
    writer: "LogWriter | None" = None
    link: "ControlLink | None" = None
    watch: "ModelWatch | None" = None
    tables: "Tables | None" = None


def page(service: "Service") -> Page:
    """This worker's numbers; the label ``worker`` is its slot."""
    worker, auction, state = service.worker, service.auction, service.state
    told = Page(FAMILIES, {"worker": str(worker.slot)})
    process.describe(told, "bidder", worker.data, service.lag)
    for tally in service.tallies.values():
        told.add(REQUESTS, tally.requests, tally.exchange)
        told.add(BIDS, tally.bids, tally.exchange)
        told.add(NONE, tally.no_bids, tally.exchange)
        told.add(LATE, tally.late, tally.exchange)
        counts, total = tally.latencies()
        told.histogram(ANSWER_SECONDS, BOUNDS_S, counts, total, tally.exchange)
    service.stopwatch.put(told)
    for (reason, stage), count in sorted(auction.no_bids.items()):
        told.add(NO_BIDS, count, reason.name.lower(), stage)
    for path, count in sorted(dropped.items()):
        told.add(DROPPED, count, path)
    told.add(MALFORMED, service.malformed)
    told.add(REFUSED, service.refused)
    told.add(SHED, service.shed)
    told.add(FAILURES, service.failures)
    told.add(CONNECTIONS, len(service.connections))
    lookup = service.people.lookup if service.people is not None else None
    told.add(HOLDS_FULL, lookup.full if lookup is not None else auction.history.full)
    if service.people is not None:
        for how, count in service.people.ended().items():
            told.add(LOOKUPS, count, how)
        for module in service.people.modules:
            for how, count in module.service.ended.items():
                told.add(MODULE_QUESTIONS, count, module.name, how)
            module.service.seconds.put(told, MODULE_SECONDS, module.name)
            told.add(MODULE_RESTING, module.service.resting, module.name)
    for family, total in zip((COMPUTED_PRICE, EXPLORED_PRICE), auction.beliefs.explored(), strict=True):
        told.add(family, total)
    told.add(SNAPSHOT, state.version)
    if (view := state.view) is not None:
        told.add(SNAPSHOT_AGE, max(0.0, (auction.clock.now_ns() - view.snapshot.published_ns) / 1e9))
        told.add(LINE_ITEMS, len(view))
    if worker.link is not None:
        told.add(CONTROL_SILENT, time.monotonic() - worker.link.heard_s)
        uses = auction.leases.uses()
        told.add(LEASES, len(uses))
        told.add(LEASES_USED_UP, sum(use.reserved >= use.granted for use in uses))
    models = auction.models
    told.add(PREDICTED, models.predicted)
    versions = {
        "ctr": models.ctr_version,
        "cvr": models.cvr_version,
        "price": auction.shading.version,
        "shadow": models.shadow_version,
    }
    for role, version in versions.items():
        told.add(MODEL, version, role)
    if (watch := worker.watch) is not None:
        told.add(MODELS_SWAPPED, watch.swapped)
        told.add(MODELS_REFUSED, watch.refused)
        for role in (*versions, "registry"):
            told.add(MODEL_TROUBLE, role in watch.trouble, role)
    if worker.writer is not None:
        told.add(LOG_PENDING, worker.writer.waiting)
        told.add(LOG_SHED, worker.writer.shed)
        told.add(LOG_SHUT, worker.writer.shut)
    return told
