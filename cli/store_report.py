"""Small reports that the reporter makes of the analytics store: by some dimensions, over some days, in three forms."""

import argparse
import sys


def add_options(command: argparse.ArgumentParser, by: str, dimensions: str) -> None:
    """``by``: the dimensions if none are named; ``dimensions``: all that there are, for the help."""
    command.add_argument("--by", default=by, metavar="DIMENSIONS", help=f"some of {dimensions} (default: %(default)s)")
    command.add_argument("--from", dest="since", metavar="DAY", help="first day, YYYY-MM-DD, UTC")
    command.add_argument("--to", dest="until", metavar="DAY", help="last day, YYYY-MM-DD, UTC")
    command.add_argument("--format", choices=("table", "csv", "json"), default="table")


def show(report: str, asked: argparse.Namespace) -> int:
    """Prints ``/v1/<report>`` as the reporter answers it; returns the exit status."""
    from urllib.parse import urlencode

    from cli.ask import NoAnswer, pieces
    from domain.settings import places

    wanted = {"by": asked.by, "from": asked.since, "to": asked.until, "format": asked.format}
    query = urlencode({name: value for name, value in wanted.items() if value is not None})
    try:
        print(b"".join(pieces(f"{places().reporter_base}/v1/{report}?{query}", 1 << 16)).decode(), end="")
    except NoAnswer as error:
        print(f"outbid: {error}", file=sys.stderr)
        return error.status
    return 0
