"""``outbid losses``: why bids were lost and what would have won them, from the analytics store."""

import argparse

from cli.store_report import add_options, show

DIMENSIONS = "day, loss_reason, exchange, advertiser, campaign, line_item, creative"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("losses", help="why bids were lost, and what would have won them")
    add_options(command, "loss_reason,exchange", DIMENSIONS)
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    return show("losses", asked)
