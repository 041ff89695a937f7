"""``outbid reporter``: ships the event logs into the analytics store and answers reports, until SIGTERM."""

import argparse
import sys

from cli import process


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("reporter", help="ships the event logs into the analytics store, answers reports")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from reporting.reporter import run as serve

    process.begin("reporter")
    serve((sys.executable, "-P", "-m", "cli.main", "train", "--scheduled"))
    return 0
