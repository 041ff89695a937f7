"""``outbid train``: makes a model, from files or from the analytics store."""

import argparse

from cli import train_from_store


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("train", help="make a model of what impressions, or clicks, lead to")
    command.add_argument("--target", choices=("ctr", "cvr", "view_cvr", "price"), default="ctr")
    command.add_argument("--model", choices=("lr", "ffm", "trees", "blend"))
    command.add_argument("--json", action="store_true")
    train_from_store.add_options(command)
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    return train_from_store.run(asked)
