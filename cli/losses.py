"""``outbid losses``: why bids were lost and what would have won them, from the analytics store."""

import argparse
import sys


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("losses", help="why bids were lost, and what would have won them")
    command.add_argument(
        "--by",
        default="loss_reason,exchange",
        metavar="DIMENSIONS",
        help="some of day, loss_reason, exchange, advertiser, campaign, line_item, creative (default: %(default)s)",
    )
    command.add_argument("--from", dest="since", metavar="DAY", help="first day, YYYY-MM-DD, UTC")
    command.add_argument("--to", dest="until", metavar="DAY", help="last day, YYYY-MM-DD, UTC")
    command.add_argument("--format", choices=("table", "csv", "json"), default="table")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from urllib.parse import urlencode

    from cli.ask import NoAnswer, pieces
    from domain.settings import places

    wanted = {"by": asked.by, "from": asked.since, "to": asked.until, "format": asked.format}
    query = urlencode({name: value for name, value in wanted.items() if value is not None})
    try:
        print(b"".join(pieces(f"{places().reporter_base}/v1/losses?{query}", 1 << 16)).decode(), end="")
    except NoAnswer as error:
        print(f"outbid: {error}", file=sys.stderr)
        return error.status
    return 0
