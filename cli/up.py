"""``outbid up``: the embedded default, all processes on this host, until Ctrl-C."""

import argparse
import asyncio
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.supervisor import Service
    from domain.settings import Places


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("up", help="start bidders, tracker, control, reporter and watcher on this host")
    command.add_argument("--workers", type=workers, default=1, metavar="N", help="bidder processes on the bid port")
    command.set_defaults(run=run)


def workers(text: str) -> int:
    """Number of bidder workers, as written on a command line."""
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; a number from 1 to 256")
    return int(text)


def run(asked: argparse.Namespace) -> int:
    return asyncio.run(_up(asked.workers))


async def _up(count: int) -> int:
    from cli.supervisor import StartError, Supervisor
    from domain.settings import places
    from monitoring.config import log_settings
    from monitoring.logs import line

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    here, log = places(), log_settings()

    def tell(text: str) -> None:
        say(text if text.startswith('{"time":') else line("up", text, log))

    supervisor = Supervisor(stages(here, count), tell)
    try:
        starting = asyncio.create_task(supervisor.start())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            for address in addresses(here):
                tell(address)
            await stopped
    except StartError as error:
        tell(f"outbid: {error}")
        return 1
    finally:
        starting.cancel()
        await supervisor.stop()
    return 0


def stages(here: "Places", count: int) -> list[list["Service"]]:
    """What runs on one host: control first (it has the snapshot), then the bid port, which takes traffic, and last who
    watches them all.
    """
    from cli.supervisor import Service
    from monitoring.config import alert_settings

    def outbid(name: str, port: int, *arguments: str, needed: bool = True, aside: bool = False) -> Service:
        # -P: whatever lies in the working directory is no part of Outbid
        command = (sys.executable, "-P", "-m", "cli.main", *arguments)
        return Service(name, command, f"http://{here.host}:{port}/health", needed, aside)

    watcher = [[outbid("watcher", here.watcher_port, "watch")]] if alert_settings().enabled else []
    return [
        [outbid("control", here.control_port, "control")],
        [
            outbid("tracker", here.tracker_port, "tracker"),
            outbid("reporter", here.reporter_port, "reporter", needed=False),  # while its store is away the logs wait
            *(
                outbid(name, here.service_ports[name], name, "serve", needed=False, aside=True)
                for name in here.services
            ),
        ],
        [outbid(f"bidder-{slot}", here.bidder_port, "bidder", "--slot", str(slot)) for slot in range(count)],
        *watcher,
    ]


def addresses(here: "Places") -> list[str]:
    """Where everything listens, for a person to read."""
    base = {"risk": here.risk_base, "credit": here.credit_base}
    return [
        f"bid port     http://{here.host}:{here.bidder_port}/openrtb2/EXCHANGE",
        f"trackers     {here.tracker_base}",
        f"control      {here.control_base}",
        *([f"API          {here.api_base}/openapi.json"] if here.api_port else []),
        f"reports      {here.reporter_base}/v1/report",
        *(f"{name:12} {base[name]}/openapi.json" for name in here.services),
        f"watcher      {here.watcher_base}/v1/alerts",
        f"data         {here.data}",
    ]


def say(line: str) -> None:
    """To standard error, at once."""
    print(line, file=sys.stderr, flush=True)
