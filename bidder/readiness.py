"""Whether a worker can bid, and what is wrong if it cannot, or only on what it still has."""

import time
from typing import TYPE_CHECKING

from bidder.worth import OFF, PROFILE, Worth
from domain.worth import CREDIT_FACTS, RISK_FACTS, Fact
from monitoring.health import Readiness

if TYPE_CHECKING:
    from bidder.service import Service

SILENT_S = 5.0
"""Without an answer of control for so long, what the worker knows may be out of date."""


def readiness(service: "Service") -> Readiness:
    """Ready is who has a snapshot and, if anything in it is to be bought, may spend. A log that takes nothing stops no
    bids: they are left out of it and counted, and money never depends on them.
    """
    told, link, writer, view = Readiness("bidder"), service.worker.link, service.worker.writer, service.state.view
    if service.draining:
        told.reasons["draining"] = "the worker is being stopped"
    if view is None:
        told.reasons["snapshot"] = "none has come from control yet"
    silent_s = time.monotonic() - link.heard_s if link is not None else 0.0
    if silent_s > SILENT_S:
        told.degraded["control"] = f"it has not answered for {silent_s:.0f} s; bidding on from the leases held"
        if view is not None and len(view) and not service.auction.leases.any_running():
            told.reasons["leases"] = f"all have ended, and control has not answered for {silent_s:.0f} s"
    if writer is not None and writer.shut:
        told.degraded["log"] = "the disk takes nothing; bids are made, and left out of the log"
    if service.worker.watch is not None and (trouble := service.worker.watch.trouble):
        told.degraded["models"] = f"bidding on with those in use: {'; '.join(trouble.values())}"
    if service.worker.tables is not None and (trouble := service.worker.tables.trouble):
        told.degraded["tables"] = f"what is known of people is not renewed: {'; '.join(trouble.values())}"
    if view is not None and (untold := never_told(Fact(view.facts), service.auction.worth)):
        names = ", ".join(fact.name.lower() for fact in untold if fact.name)
        modes = "mode of [risk_module] and [credit_module]"
        told.degraded["scores"] = f"live line items ask for what is never known here ({names}): see {modes}"
    if service.overloaded:
        told.degraded["overload"] = "the worker runs late; requests are answered unread"
    return told


def never_told(asked: Fact, worth: Worth) -> Fact:
    """Of the facts that line items ask for, those that nobody can tell as the modules are set: limits on them are void
    (or, with ``unknown: refuse``, total).
    """
    risk = RISK_FACTS if worth.risk == OFF else Fact.LISTED if worth.risk == PROFILE else Fact(0)
    credit = CREDIT_FACTS if worth.credit == OFF else Fact(0)
    return asked & (risk | credit)
