"""``outbid run``: the whole platform and an exchange that trades with it; in the end, three books are compared."""

import argparse
import asyncio
import contextlib
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli import attribution, report, up

if TYPE_CHECKING:
    import aiohttp
    from rich.console import Console

    from cli.supervisor import Say
    from domain.settings import Places
    from pacing.protocol import Delivery
    from simulator.statistics import Statistics

EXAMPLES = Path(__file__).parents[1] / "examples" / "consumer-finance" / "campaigns.yaml"

FLOW = Path(__file__).parents[1] / "examples" / "risk-flow.yaml"

REFRESH_S = 1.0
"""Between two looks of the live view."""

LINE_S = 5.0
"""Between two lines where the output is no terminal."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("run", help="`up`, an exchange that trades with it, and a live view")
    command.add_argument(
        "--for", dest="seconds", type=positive, metavar="S", help="stop after S seconds and compare books"
    )
    command.add_argument("--rate", type=positive, metavar="R", help="bid requests a second")
    command.add_argument("--workers", type=up.workers, default=1, metavar="N", help="bidder processes on the bid port")
    command.set_defaults(run=run)


def positive(text: str) -> float:
    """A number above 0, as written on a command line."""
    with contextlib.suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not allowed; a number above 0")


def run(asked: argparse.Namespace) -> int:
    import uvloop

    from domain.settings import places

    here = places()
    define_examples()
    try:
        return uvloop.run(_run(here, asked.seconds, asked.rate, asked.workers))
    except asyncio.CancelledError:  # Ctrl-C for the second time
        return 130


def define_examples() -> None:
    """An empty store gets the example campaigns, so that there is something to see."""
    from campaigns import catalogue
    from campaigns.config import database_url
    from campaigns.store import Store
    from cli.campaigns import import_into_store

    store = Store(database_url())
    try:
        store.migrate()
        with store.read() as conn:
            empty = catalogue.version(conn) == 0
    finally:
        store.close()
    if empty and EXAMPLES.is_file():
        up.say(f"no campaigns are defined yet: importing {EXAMPLES.name} of {EXAMPLES.parent.name}")
        import_into_store(EXAMPLES)
        define_flow()
    elif empty:  # installed without the source tree
        up.say("no campaigns are defined yet, so nothing will be bid on; see `outbid campaigns import --help`")


def define_flow() -> None:
    """The risk service gets the example flow, if it has none."""
    from risk.config import risk_settings

    flows = risk_settings().flow_directory
    if FLOW.is_file() and not (flows.is_dir() and any(flows.glob("*.yaml"))):
        flows.mkdir(parents=True, exist_ok=True)
        shutil.copy(FLOW, flows)


async def _run(here: "Places", seconds: float | None, rate: float | None, count: int) -> int:
    """Starts everything, trades until it is time (or Ctrl-C), drains, compares, stops everything."""
    import aiohttp
    from rich.console import Console

    from cli.ask import NoAnswer
    from cli.reconcile import reconcile, show
    from cli.simulate import describe
    from cli.supervisor import StartError, Supervisor
    from simulator.config import simulator_settings
    from simulator.run import run_traffic
    from simulator.statistics import Statistics

    console = Console(stderr=True)
    say = _above(console)
    supervisor = Supervisor(up.stages(here, count), say)
    stop = _interrupts(say)
    try:
        await supervisor.start()
        for text in up.addresses(here):
            say(text)
        statistics = Statistics()
        traffic = asyncio.create_task(
            run_traffic(here, simulator_settings(), rate=rate, seconds=seconds, stop=stop, statistics=statistics)
        )
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            await _watch(console, here, http, traffic, statistics)
        await traffic
        say("the exchange has stopped; waiting until every notice is booked and in the analytics store …")
        compared = await reconcile(here)
        reports = [
            await asyncio.to_thread(report.fetch, here, by=f"exchange,{by}") for by in ("advertiser,campaign", "format")
        ]
        reports.append(await asyncio.to_thread(attribution.beside_the_exchange, here))
    except (StartError, NoAnswer) as error:
        say(f"outbid: {error}")
        return 1
    finally:
        await supervisor.stop()
    print(*describe(statistics), "", *reports, sep="\n")
    for fault in statistics.faults():
        print(f"FAULT  {fault}")
    agree = show(compared)
    return 0 if agree and not statistics.faults() else 1


def _above(console: "Console") -> "Say":
    """Prints what the processes say above the live view, as it is."""
    return lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True)


def _interrupts(say: "Say") -> asyncio.Event:
    """Set by the first Ctrl-C (the exchange stops, books are compared); the second one cuts everything short."""
    stop, loop, main = asyncio.Event(), asyncio.get_running_loop(), asyncio.current_task()
    assert main is not None

    def interrupted() -> None:
        if stop.is_set():
            main.cancel()
            return
        say("the exchange stops; what is under way is completed (Ctrl-C again: do not wait)")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted)
    return stop


async def _watch(
    console: "Console",
    here: "Places",
    http: "aiohttp.ClientSession",
    traffic: "asyncio.Task[Statistics]",
    seen: "Statistics",
) -> None:
    """The live view until the traffic has ended; in a log, a line now and then."""
    from rich.live import Live

    from cli.live import line, screen
    from domain.clock import from_env, utc

    clock = from_env()
    if not console.is_terminal:
        while not (await asyncio.wait([traffic], timeout=LINE_S))[0]:
            console.print(line(seen), markup=False, highlight=False, soft_wrap=True)
        return
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while not (await asyncio.wait([traffic], timeout=REFRESH_S))[0]:
            view = screen(seen, utc(clock.now_ns()), await _delivery(http, here), console.height)
            live.update(view, refresh=True)


async def _delivery(http: "aiohttp.ClientSession", here: "Places") -> "Sequence[Delivery]":
    """Spend against plan from control; nothing while it is away."""
    import aiohttp
    import msgspec

    from pacing.protocol import Delivery

    try:
        async with http.get(f"{here.control_base}/v1/delivery") as answer:
            return msgspec.json.decode(await answer.read(), type=list[Delivery]) if answer.status == 200 else []
    except (aiohttp.ClientError, TimeoutError):
        return []
