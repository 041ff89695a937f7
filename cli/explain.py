"""``outbid explain FILE --exchange X``: what each stage of the bid path did with one request, and why."""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bidder.auction import Auction
    from bidder.config import BidderSettings
    from bidder.explain import Explanation
    from bidder.leases import Leases
    from bidder.model_watch import ModelWatch
    from bidder.seller import Seller
    from bidder.view import View
    from domain.settings import Places
    from pacing.protocol import Delivery

KEYS_SHOWN = 5


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("explain", help="what each stage of the bid path does with one bid request, and why")
    command.add_argument("file", type=Path, metavar="FILE", help="a bid request (JSON); - reads standard input")
    command.add_argument("--exchange", required=True, metavar="KEY", help="the exchange it would come from")
    command.add_argument("--json", action="store_true", help="the whole explanation as JSON")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from cli.ask import NoAnswer
    from domain.settings import places
    from openrtb.parse import Malformed

    try:
        body = sys.stdin.buffer.read() if str(asked.file) == "-" else asked.file.read_bytes()
    except OSError as error:
        print(f"{asked.file}: {error.strerror}", file=sys.stderr)
        return 2
    try:
        explanation = _explain(body, asked.exchange, places())
    except Malformed as error:
        print(f"This is no bid request; it would be answered 400:\n  {error}", file=sys.stderr)
        return 1
    except (LookupError, NoAnswer) as error:
        print(f"outbid: {error.args[0]}", file=sys.stderr)
        return 2
    print(json.dumps(asdict(explanation), indent=2) if asked.json else as_text(explanation))
    return 0


def _explain(body: bytes, exchange: str, where: "Places") -> "Explanation":
    """Decides on the published snapshot, the profiles of this host, and today's budgets; nothing is logged or spent."""
    from contextlib import nullcontext

    import msgspec

    from bidder.answer import Answer
    from bidder.auction import Auction
    from bidder.config import bidder_settings, credit_module_settings, risk_module_settings
    from bidder.creative_texts import is_secure
    from bidder.enrichment.chain import Chain
    from bidder.enrichment.device import DeviceModule
    from bidder.enrichment.geo import GeoModule
    from bidder.enrichment.profile import ProfileModule
    from bidder.enrichment.supply import SupplyModule
    from bidder.enrichment.tables import Tables
    from bidder.explain import explain
    from bidder.frequency import History
    from bidder.journal import Journal
    from bidder.leases import Leases
    from bidder.view import View
    from bidder.worth import Worth
    from cli.ask import ask
    from domain.campaign import Snapshot
    from domain.clock import from_env
    from domain.keys import load_keys
    from domain.token import Sealer
    from pacing.protocol import Delivery
    from targeting.forgotten import Forgotten
    from targeting.holds import Holds
    from targeting.seller_files import SellerFiles
    from targeting.stores import fleet_holds, open_store

    snapshot = msgspec.msgpack.decode(ask(f"{where.control_base}/v1/snapshots/current"), type=Snapshot)
    delivery = msgspec.json.decode(ask(f"{where.control_base}/v1/delivery"), type=list[Delivery])
    leases = Leases()
    view = View(snapshot, leases, is_secure(where.tracker_base + "/"))
    if exchange not in view.sellers:
        raise LookupError(f"--exchange {exchange}: there is none of that name; there are {', '.join(view.sellers)}")
    grant_what_is_left(leases, delivery)
    settings, keys = bidder_settings(), load_keys(where.data)

    def keep_nothing(record: bytes) -> int:
        return len(record)

    fleet = fleet_holds()
    holds = Holds(where.data, where.holds) if fleet is None else None
    with (
        open_store(where.data, readonly=True) as store,
        SellerFiles(where.data / "supply.lmdb", readonly=True) as files,
        fleet or nullcontext(),
    ):
        profiles = store.reader()
        person = ProfileModule(profiles, Forgotten(where.data))
        chain = Chain([person, GeoModule(settings.geo_database), DeviceModule()])
        answer = Answer(Sealer(keys.seal, keys.mac), keep_nothing, where.tracker_base)
        auction = Auction(
            chain,
            leases,
            answer,
            Journal(keep_nothing, settings.no_bid_sample),
            from_env(),
            settings.tcf_vendor(),
            SupplyModule(files.reader()),
            History(profiles, holds, True, fleet),
            models=(watch := models_in_service(where.data, settings)).models,
            shading=watch.shading,
            worth=(worth := Worth(risk_module_settings().mode, credit_module_settings().mode)),
        )
        Tables(worth, risk_module_settings(), credit_module_settings(), where.data).look()
        ask_services(auction, body, view.sellers[exchange], view, where)
        return explain(auction, body, view.sellers[exchange], view)


def ask_services(auction: "Auction", body: bytes, seller: "Seller", view: "View", where: "Places") -> None:
    """Where modules are remote, asks them once, with all the time that they want."""
    import asyncio

    from bidder.config import credit_module_settings, of_deployment, risk_module_settings
    from bidder.enrichment.credit import CreditService
    from bidder.enrichment.once import ask_once
    from bidder.enrichment.risk import RiskService
    from bidder.worth import REMOTE
    from domain.keys import internal_secret, load_keys

    if not (wanted := view.facts & auction.worth.remote):
        return
    whom = auction.who(body, seller, view, wanted, here=True)
    told: dict[str, Any] = {}
    secret = internal_secret(load_keys(where.data))
    if auction.worth.risk == REMOTE and whom.facts & RiskService.facts:
        risk = of_deployment(risk_module_settings(), where.risk_base, secret)
        told["risk"] = asyncio.run(ask_once(RiskService(risk), whom))
    if auction.worth.credit == REMOTE and whom.facts & CreditService.facts:
        credit = of_deployment(credit_module_settings(), where.credit_base, secret)
        told["credit"] = asyncio.run(ask_once(CreditService(credit), whom))
    auction.worth.tell(told.get("risk"), told.get("credit"))
    for name, answer in told.items():
        if answer is None:
            print(f"outbid: the {name} service does not answer, and this goes without", file=sys.stderr)


def models_in_service(data: Path, settings: "BidderSettings") -> "ModelWatch":
    """What a bidder of this host predicts with."""
    import asyncio

    from bidder.model_watch import ModelWatch
    from bidder.models import Models

    watch = ModelWatch(data, Models(settings.prior_ctr, settings.prior_cvr))
    asyncio.run(watch.look())
    for why in watch.trouble.values():
        print(f"outbid: a model cannot be used, and this goes without: {why}", file=sys.stderr)
    return watch


def grant_what_is_left(leases: "Leases", delivery: "list[Delivery]") -> None:
    """Lets each line item bid from what its budget still has today; how fast pacing hands it out is not asked here."""
    from pacing.protocol import Grant

    for place, item in enumerate(delivery, start=1):
        left = item.budget_today - item.spent_today
        leases.apply(Grant(place, item.line_item, max(0, left), 60.0), time.monotonic_ns())


def as_text(explanation: "Explanation") -> str:
    """For people."""
    from bidder.explain import TITLES

    lines = ["The request, as it was understood"]
    lines += [f"  {name}: {_value(value)}" for name, value in explanation.request.items()]
    lines += [f"  mended: {repair}" for repair in explanation.repairs]
    for stage, removals in explanation.stages.items():
        lines.append(f"\n{TITLES[stage]}")
        if not removals:
            lines.append("  removed nothing")
        for removal in removals:
            shown = ", ".join(removal.line_items[:KEYS_SHOWN])
            more = f" and {len(removal.line_items) - KEYS_SHOWN} more" if len(removal.line_items) > KEYS_SHOWN else ""
            lines.append(f"  removed {removal.count}: {removal.why}  [{shown}{more}]")
    lines.append("")
    if explanation.no_bid is not None:
        nbr, stage = int(explanation.no_bid.reason), explanation.no_bid.stage
        lines.append(f"No bid: nbr {nbr} at {stage}. {explanation.reason}")
    for bid in explanation.bids:
        deal = f", deal {bid['deal']}" if bid["deal"] else ""
        lines.append(
            f"Bid on imp {bid['imp']}: {bid['price']} (floor {bid['floor']}) for {bid['line_item']}, "
            f"creative {bid['creative']}{deal}"
        )
        if isinstance(prediction := bid["prediction"], dict):
            lines += [f"  {name.replace('_', ' ')}: {_value(value)}" for name, value in prediction.items()]
    return "\n".join(lines)


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "unknown" if value in (None, "") else str(value)
