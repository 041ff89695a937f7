"""``outbid risk serve``: the risk service, until SIGTERM."""

import argparse

from cli import process


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("serve", help="the service itself, until SIGTERM")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from risk.server import run as serve

    process.begin("risk")
    serve()
    return 0
