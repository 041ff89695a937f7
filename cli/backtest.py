"""``outbid backtest``: how well a part of the bidder does on recorded traffic; a file a part."""

import argparse

from cli import (
    backtest_bids,
    backtest_offers,
    backtest_pacing,
    backtest_policy,
    backtest_shading,
    backtest_worth,
)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("backtest", help="how well a part of the bidder does on recorded traffic")
    parts = command.add_subparsers(metavar="PART", required=True)
    for part in (
        backtest_pacing,
        backtest_bids,
        backtest_shading,
        backtest_policy,
        backtest_offers,
        backtest_worth,
    ):
        part.add(parts)
