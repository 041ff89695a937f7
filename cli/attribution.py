"""``outbid attribution``: conversions of the past are credited anew."""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.settings import Places


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
    from cli.ask import NoAnswer
    from domain.settings import places

    try:
        print(told(again(places(), asked.since, asked.until)))
    except NoAnswer as error:
        print(f"outbid: {error}", file=sys.stderr)
        return error.status
    return 0


def again(here: "Places", since: str | None = None, until: str | None = None) -> dict[str, int]:
    """What came of a run. The reporter alone opens the analytics store, so it is asked. Raises `cli.ask.NoAnswer`."""
    from urllib.parse import urlencode

    import orjson

    from cli.ask import send
    from domain.keys import internal_secret, load_keys

    query = urlencode({name: day for name, day in (("from", since), ("to", until)) if day})
    answer = send(f"{here.reporter_base}/v1/attribution?{query}", b"", internal_secret(load_keys(here.data)))
    found: dict[str, int] = orjson.loads(answer)
    return found


def told(answer: dict[str, int]) -> str:
    return (
        f"{answer['conversions']:,} conversions looked at: {answer['clicks']:,} after clicks, {answer['views']:,} after"
        f" views, {answer['uncredited']:,} credited to nothing; {answer['changed']:,} changed"
    )


def beside_the_exchange(here: "Places") -> str:
    """All conversions there are, and how many the simulated exchange's books have. Raises `cli.ask.NoAnswer`."""
    from simulator.customers import customers
    from simulator.run import books_path

    again(here)  # what is new
    found = again(here, "1970-01-01", "2149-06-06")
    clicked, returned = customers(books_path(here))
    return (
        f"Conversions: {found['clicks']:,} credited to clicks, {found['views']:,} to views, {found['uncredited']:,} to"
        f" nothing; by the exchange's books {clicked:,} came by a click, {returned:,} back without"
    )
