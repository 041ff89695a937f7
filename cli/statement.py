"""``outbid statement``: an advertiser's or agency's account in a month, out of the ledger."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campaigns.catalogue import Catalogue
    from pacing.statement import Names


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("statement", help="an advertiser's or agency's account in a month")
    whose = command.add_mutually_exclusive_group(required=True)
    whose.add_argument("--advertiser", metavar="KEY")
    whose.add_argument("--agency", metavar="KEY")
    command.add_argument("--month", required=True, metavar="YYYY-MM", help="in the account's time zone")
    command.add_argument("--format", choices=("text", "csv", "xlsx"), default="text")
    command.add_argument("--output", type=Path, metavar="FILE", help="default: the standard output")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from campaigns.owners import owner
    from cli.ledger_reading import opened
    from domain.errors import Problem, Refused
    from pacing.statement import Month, statement
    from reporting.statements import FORMATS

    month = Month.read(asked.month)
    if asked.format == "xlsx" and asked.output is None and sys.stdout.isatty():
        raise Refused([Problem("output", "", "name a file: a workbook is nothing for a terminal")])
    with opened() as (store, known):
        whose = owner(known, "agency", asked.agency) if asked.agency else owner(known, "advertiser", asked.advertiser)
        zones = {advertiser.id: advertiser.time_zone for advertiser in known.advertisers.values()}
        with store.read() as conn:
            found = statement(conn, whose, month, names(known), zones)
    content = FORMATS[asked.format](found)
    if asked.output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return 0
    try:
        asked.output.write_bytes(content)
    except OSError as error:
        raise Refused([Problem("output", str(asked.output), f"it cannot be written: {error.strerror}")]) from None
    return 0


def names(known: "Catalogue") -> "Names":
    """What the ledger's ids stand for today."""
    from pacing.statement import Named

    found = {("data", one.id): Named(one.key, f"Data: {one.name}") for one in known.audiences.values()}
    kinds: dict[str, dict[str, Any]] = {
        "advertiser": known.advertisers,
        "campaign": known.campaigns,
        "line_item": known.line_items,
        "fee": known.fees,
    }
    for kind, things in kinds.items():
        for one in things.values():
            found[kind, one.id] = Named(one.key, one.name)
    return found
