"""``outbid attribution``: conversions of the past are credited anew."""

import argparse
import sys
from typing import Any


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("attribution", help="credit conversions to clicks and views anew")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    again = actions.add_parser(
        "run", help="by today's windows, and by who is known to be whom today; without days, what is new"
    )
    again.add_argument("--from", dest="since", metavar="DAY", help="first day of conversions, YYYY-MM-DD, UTC")
    again.add_argument("--to", dest="until", metavar="DAY", help="last day, YYYY-MM-DD, UTC")
    again.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from urllib.parse import urlencode

    import orjson

    from cli.ask import NoAnswer, send
    from domain.keys import internal_secret, load_keys
    from domain.settings import places

    here = places()
    query = urlencode({name: day for name, day in (("from", asked.since), ("to", asked.until)) if day})
    try:
        answer = send(f"{here.reporter_base}/v1/attribution?{query}", b"", internal_secret(load_keys(here.data)))
    except NoAnswer as error:
        print(f"outbid: {error}", file=sys.stderr)
        return 1
    print(told(orjson.loads(answer)))
    return 0


def told(answer: dict[str, Any]) -> str:
    return (
        f"{answer['conversions']:,} conversions looked at: {answer['clicks']:,} after clicks, {answer['views']:,} after"
        f" views, {answer['uncredited']:,} credited to nothing; {answer['changed']:,} changed"
    )
