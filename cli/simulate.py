"""``outbid simulate``: an exchange that trades with a running Outbid, and in the end compares books."""

import argparse
import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cli import individuals

if TYPE_CHECKING:
    from simulator.config import Seller, SimulatorSettings
    from simulator.exchange import Auction
    from simulator.statistics import Statistics

T = TypeVar("T")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("simulate", help="play the exchange: synthetic traffic, recorded auctions, or files")
    source = command.add_mutually_exclusive_group()
    source.add_argument(
        "--replay", type=Path, metavar="FILE", help="recorded auctions, settled at their recorded prices"
    )
    source.add_argument("--requests", type=Path, metavar="DIR", help="post every *.json file below DIR")
    command.add_argument("--format", choices=("ipinyou",), default="ipinyou", help="of FILE (default: %(default)s)")
    command.add_argument(
        "--rate",
        type=float,
        metavar="R",
        help="requests a second (default: the setting; recorded ones: as fast as answered)",
    )
    command.add_argument("--for", dest="seconds", type=float, metavar="S", help="stop after so many seconds")
    command.add_argument("--exchange", metavar="KEY", help="the exchange to play (default: all of the settings)")
    command.add_argument(
        "--clicks", choices=("plain", "hidden"), help="how people react (default: the setting): plain rules, or a model"
    )
    command.add_argument("--seed", type=int, metavar="N", help="of the hidden model: a seed is a world")
    command.add_argument("--json", action="store_true", help="print everything as one JSON object")
    individuals.add(command)
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """0 if the books agree and nothing happened that must never happen; else 1."""
    import msgspec
    import uvloop

    from domain.errors import Problem, Refused
    from simulator.config import simulator_settings

    settings = simulator_settings()
    sellers = [seller for seller in settings.sellers if asked.exchange in (None, seller.key)]
    if not sellers:
        known = ", ".join(seller.key for seller in settings.sellers)
        raise Refused([Problem("--exchange", asked.exchange, f"it must be one of {known}")])
    if asked.rate is not None and asked.rate <= 0:
        raise Refused([Problem("--rate", asked.rate, "it must be above 0")])
    to_prove = individuals.read(asked)
    settings = msgspec.structs.replace(
        settings,
        sellers=tuple(sellers),
        persons=asked.persons or settings.persons,
        clicks=asked.clicks or settings.clicks,
        hidden_seed=settings.hidden_seed if asked.seed is None else asked.seed,
    )
    if asked.write_list is not None:
        individuals.write_list(settings, asked.write_list, asked.list_size)
        return 0
    status: int = uvloop.run(_simulate(asked, settings, sellers, to_prove))
    return status


def _source(asked: argparse.Namespace, sellers: "list[Seller]") -> "Iterator[Auction] | None":
    """None: synthetic traffic."""
    import random

    from simulator.replay import replay_ipinyou
    from simulator.requests import requests_in

    if asked.replay:
        return replay_ipinyou(asked.replay, next((s for s in sellers if s.currency == "CNY"), sellers[0]))
    if asked.requests:
        return requests_in(asked.requests, sellers[0], random.Random())
    return None


async def _simulate(
    asked: argparse.Namespace,
    settings: "SimulatorSettings",
    sellers: "list[Seller]",
    to_prove: individuals.Asked | None,
) -> int:
    import msgspec

    from cli.reconcile import reconcile, show
    from domain.settings import places
    from simulator.run import run_traffic
    from simulator.statistics import Statistics

    stop, statistics, loop = asyncio.Event(), Statistics(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    source = _source(asked, sellers)
    watch = await individuals.follow(places(), to_prove) if to_prove else None
    watching = asyncio.create_task(_watch(statistics)) if sys.stderr.isatty() else None
    await run_traffic(
        places(),
        settings,
        source=source,
        rate=asked.rate,
        seconds=asked.seconds,
        stop=stop,
        statistics=statistics,
        watch=watch,
    )
    if watching:
        watching.cancel()
    for number in (signal.SIGINT, signal.SIGTERM):  # from here on Ctrl-C means: do not wait for the books
        loop.remove_signal_handler(number)
    faults = statistics.faults()
    if source is not None and statistics.failures:
        faults.append(f"{statistics.failures} × not answered with status 200 or 204")
    if not asked.json:
        print("\n".join(describe(statistics)), flush=True)
    found = await reconcile(places())
    proof = await individuals.prove(places(), to_prove, watch) if to_prove and watch else None
    faults += proof.faults() if proof else []
    if asked.json:
        told = {"traffic": statistics.summary(), "faults": faults, "agree": found.agree} | msgspec.to_builtins(found)
        if proof:
            told["individuals"] = {"exchange": proof.exchange, "store": proof.store}
        print(msgspec.json.encode(told).decode())
    else:
        if proof:
            print("", *individuals.describe(proof), "", sep="\n")
        for fault in faults:
            print(f"FAULT  {fault}")
        show(found)
    return 0 if found.agree and not faults else 1


async def _watch(statistics: "Statistics") -> None:
    """One line that says how far it is."""
    while True:
        await asyncio.sleep(0.5)
        s = statistics
        said = f"{s.requests:,} requests, {s.rps:,.0f}/s, p99 {s.p99_ms:.0f} ms, {s.bids:,} bids, {s.sales:,} won"
        print(f"\r\x1b[K{said}", end="", file=sys.stderr, flush=True)


def describe(s: "Statistics") -> Iterator[str]:
    """What happened, in lines."""
    yield f"requests      {s.requests:,}; {_counts(s.answers)}" + _also(
        dropped=s.dropped, timed_out=s.timeouts, skipped=s.skipped
    )
    yield f"latency       p50 {s.p50_ms:.1f} ms, p99 {s.p99_ms:.1f} ms in the last seconds"
    yield f"no-bids       {sum(s.no_bids.values()):,}: {_counts(s.no_bids)}"
    invalid = sum(s.invalid.values())
    yield f"bids          {s.bids:,} on {s.bid_requests:,} requests ({s.bid_rate:.1%}), {invalid:,} of them invalid"
    yield f"won           {s.sales:,} ({s.win_rate:.1%}): {_counts(s.sold)}; {s.audits} audits, {s.tests} tests"
    yield f"lost          {sum(s.losses.values()):,}: {_counts(s.losses)}"
    yield f"acknowledged  {_counts(s.acknowledged)}; CTR {s.ctr:.2%}"
    yield f"trouble made  {s.lost} lost, {s.late} late, {s.repeated} repeated; {s.retries} sent again, unanswered"
    yield f"forged        {s.forged:,}, {s.forged_refused:,} refused"


def _counts(counter: "Counter[T]") -> str:
    return ", ".join(f"{count:,} × {name}" for name, count in counter.most_common()) or "none"


def _also(**counts: int) -> str:
    return "".join(f", {count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count)
