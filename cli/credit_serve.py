"""``outbid credit serve``: the credit service, until SIGTERM."""

import argparse

from cli import process


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("serve", help="the service itself, until SIGTERM")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from credit.server import run as serve

    process.begin("credit")
    serve()
    return 0
