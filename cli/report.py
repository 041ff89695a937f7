"""``outbid report``: delivery from the analytics store, by any of its dimensions, as a table, CSV or JSON."""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.settings import Places


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("report", help="delivery by day, campaign, line item, exchange, site …")
    command.add_argument(
        "--by",
        default="day,line_item",
        metavar="DIMENSIONS",
        help="some of day, hour, advertiser, campaign, line_item, creative, format, exchange, site "
        "(default: %(default)s)",
    )
    command.add_argument("--from", dest="since", metavar="DAY", help="first day, YYYY-MM-DD, UTC")
    command.add_argument("--to", dest="until", metavar="DAY", help="last day, YYYY-MM-DD, UTC")
    command.add_argument("--format", choices=("table", "csv", "json"), default="table")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from cli.ask import NoAnswer
    from domain.settings import places

    try:
        print(fetch(places(), asked.by, asked.since, asked.until, asked.format), end="")
    except NoAnswer as error:
        print(f"outbid: {error}", file=sys.stderr)
        return 1
    return 0


def fetch(here: "Places", by: str, since: str | None = None, until: str | None = None, format: str = "table") -> str:
    """The report as text. The reporter alone opens the analytics store, so it is asked. Raises `cli.ask.NoAnswer`."""
    from urllib.parse import urlencode

    from cli.ask import ask

    wanted = {"by": by, "from": since, "to": until, "format": format}
    query = urlencode({name: value for name, value in wanted.items() if value})
    return ask(f"{here.reporter_base}/v1/report?{query}").decode()
