"""``outbid exploration``: how much is bid to learn, and what that costs at most, from the analytics store."""

import argparse
import sys


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("exploration", help="how much is bid to learn, and what it costs at most")
    command.add_argument(
        "--by",
        default="advertiser,line_item",
        metavar="DIMENSIONS",
        help="some of day, exchange, advertiser, campaign, line_item, creative (default: %(default)s)",
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
        print(b"".join(pieces(f"{places().reporter_base}/v1/exploration?{query}", 1 << 16)).decode(), end="")
    except NoAnswer as error:
        print(f"outbid: {error}", file=sys.stderr)
        return error.status
    return 0
