"""``outbid bidder``: one worker of the bid port, until SIGTERM. Several share the port, each with a slot of its own."""

import argparse

from cli import process


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("bidder", help="one worker of the bid port")
    command.add_argument("--slot", type=int, default=0, help="number of this worker on this host; it names its log")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from bidder.server import run as serve

    process.begin("bidder", asked.slot)
    serve(asked.slot)
    return 0
