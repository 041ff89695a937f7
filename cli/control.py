"""``outbid control``: campaigns, ledger, leases and snapshots, until SIGTERM."""

import argparse

from cli import process


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("control", help="campaigns, ledger, leases and snapshots")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from campaigns.control import run as serve

    process.begin("control")
    serve()
    return 0
