"""``outbid report token``: a token with which somebody sees the reports of some advertisers, and of nobody else."""

import argparse
import sys


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("token", help="a token for the reports of some advertisers or agencies")
    command.add_argument("--advertiser", action="append", default=[], metavar="KEY", help="can be given several times")
    command.add_argument("--agency", action="append", default=[], metavar="KEY", help="all its advertisers")
    command.add_argument("--days", type=int, default=30, metavar="N", help="how long it is good (default: %(default)s)")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    import time

    from cli.ask import NoAnswer, published
    from domain.errors import Problem, Refused
    from domain.keys import load_keys, report_key
    from domain.settings import places
    from reporting import scope

    problems = []
    if not 1 <= asked.days <= scope.MOST_DAYS:
        problems.append(Problem("days", asked.days, f"it must be 1 to {scope.MOST_DAYS}"))
    if not asked.advertiser and not asked.agency:
        problems.append(Problem("advertiser", None, "name advertisers or agencies by their keys"))
    try:
        snapshot = published()
    except NoAnswer as error:
        print(f"outbid: {error}", file=sys.stderr)
        return 1
    found: dict[str, list[int]] = {}
    for kind, keys, things in (
        ("advertiser", asked.advertiser, {one.key: one.id for one in snapshot.advertisers}),
        ("agency", asked.agency, {one.key: one.id for one in snapshot.agencies}),
    ):
        some = ", ".join(sorted(things)) or "none is defined yet"
        problems += [Problem(kind, key, f"known: {some}") for key in keys if key not in things]
        found[kind] = [things[key] for key in keys if key in things]
    if problems:
        raise Refused(problems)
    until = int(time.time()) + asked.days * 86_400
    token = scope.issue(report_key(load_keys(places().data)), until, tuple(found["advertiser"]), tuple(found["agency"]))
    print(token)
    print(f"good until {time.strftime('%Y-%m-%d %H:%M', time.gmtime(until))} UTC; its id is {scope.id_of(token)}",
          file=sys.stderr)  # fmt: skip
    return 0
