"""``outbid watch``: looks at all processes and tells people what is wrong, until SIGTERM."""

import argparse

from cli import process


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("watch", help="watches all processes, and tells people what is wrong")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from monitoring.watcher_port import run as serve

    process.begin("watcher")
    serve()
    return 0
