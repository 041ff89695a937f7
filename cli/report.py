"""``outbid report``: delivery from the analytics store, by any of its dimensions, as a table, CSV or JSON."""

import argparse
import sys


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("report", help="delivery by day, campaign, line item, exchange, site …")
    command.add_argument(
        "--by",
        default="day,line_item",
        metavar="DIMENSIONS",
        help="some of day, hour, advertiser, campaign, line_item, creative, exchange, site (default: %(default)s)",
    )
    command.add_argument("--from", dest="since", metavar="DAY", help="first day, YYYY-MM-DD, UTC")
    command.add_argument("--to", dest="until", metavar="DAY", help="last day, YYYY-MM-DD, UTC")
    command.add_argument("--format", choices=("table", "csv", "json"), default="table")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """The reporter alone opens the analytics store: this asks it over HTTP and prints what it says."""
    from urllib.error import HTTPError, URLError
    from urllib.parse import urlencode
    from urllib.request import urlopen

    from domain.settings import places

    wanted = {"by": asked.by, "from": asked.since, "to": asked.until, "format": asked.format}
    base = places().reporter_base
    url = f"{base}/v1/report?{urlencode({k: v for k, v in wanted.items() if v})}"
    try:
        with urlopen(url, timeout=120) as answer:
            sys.stdout.write(answer.read().decode())
    except HTTPError as refused:
        print(f"outbid: {refused.read().decode(errors='replace').strip()}", file=sys.stderr)
        return 2
    except URLError as error:
        print(f"outbid: no reporter answers at {base} ({error.reason}); is `outbid up` running?", file=sys.stderr)
        return 1
    return 0
