"""``outbid tracker``: the money port (notices of exchanges, clicks, conversions), until SIGTERM."""

import argparse

from cli import process


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("tracker", help="the money port: notices of exchanges, clicks, conversions")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from trackers.app import run as serve

    process.begin("tracker")
    serve()
    return 0
