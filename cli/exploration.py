"""``outbid exploration``: how much is bid to learn, and what that costs at most, from the analytics store."""

import argparse

from cli.store_report import add_options, show

DIMENSIONS = "day, exchange, advertiser, campaign, line_item, creative"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("exploration", help="how much is bid to learn, and what it costs at most")
    add_options(command, "advertiser,line_item", DIMENSIONS)
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    return show("exploration", asked)
