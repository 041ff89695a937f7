"""``outbid prices reconcile``: what an exchange says that it charged, against the ledger."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pacing.invoices import Findings


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("prices", help="reconcile booked prices with an exchange's log file or invoice")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    reconciling = actions.add_parser("reconcile", help="correct estimates; list what differs or is not known")
    reconciling.add_argument("--exchange", required=True, metavar="KEY")
    reconciling.add_argument("--all", action="store_true", help="correct prices that were told otherwise, too")
    reconciling.add_argument("file", type=Path, metavar="FILE", help="CSV: bid, currency, and cpm or price")
    reconciling.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    if not asked.file.is_file():
        print(f"outbid: there is no file {str(asked.file)!r}", file=sys.stderr)
        return 2
    findings = reconcile_store(asked.file, asked.exchange, asked.all)
    show(findings)
    return 0 if findings.settled else 1


def reconcile_store(file: Path, key: str, everything: bool) -> "Findings":
    """Reconciles in the configured store, in one transaction. Raises `Refused`."""
    from campaigns import catalogue
    from campaigns.config import database_url
    from campaigns.store import Store
    from domain.clock import from_env
    from domain.errors import Problem, Refused
    from pacing import counters
    from pacing.by_hand import COUNTER
    from pacing.invoices import read_invoice, reconcile

    store = Store(database_url())
    try:
        store.migrate()
        with store.read() as conn:
            known = catalogue.load(conn)
        if key not in known.exchanges:
            allowed = f"it must be the key of an exchange: {', '.join(sorted(known.exchanges)) or 'there is none yet'}"
            raise Refused([Problem("--exchange", key, allowed)])
        exchange = known.exchanges[key]
        lines = read_invoice(file, exchange)
        zones = {advertiser.id: advertiser.time_zone for advertiser in known.advertisers.values()}
        with store.write() as conn:
            findings = reconcile(
                conn,
                exchange,
                lines,
                zone=zones.__getitem__,
                source=file.name,
                everything=everything,
                now_ns=from_env().now_ns(),
            )
            if findings.corrected:
                counters.take(conn, COUNTER)  # a control that runs sees by it that budgets were changed beside it
        return findings
    finally:
        store.close()


def show(findings: "Findings") -> None:
    """Prints everything that somebody may have to ask the exchange about, and a summary."""
    from rich.console import Console
    from rich.table import Table

    from domain.money import format_nanos
    from domain.naming import signed

    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    for line, booked, why in findings.discrepancies:
        console.print(
            f"DIFFERS  line {line.number}: bid {signed(line.bid)}: {why}: "
            f"booked {format_nanos(booked)}, told {format_nanos(line.price)} {findings.currency}"
        )
    for line in findings.unknown:
        told = f"{format_nanos(line.price)} {findings.currency}"
        console.print(f"UNKNOWN  line {line.number}: bid {signed(line.bid)} was not billed here: told {told}")
    names = ("currency", "agreed", "corrected", "discrepancies", "unknown", "booked before", "told", "difference")
    table = Table(*names, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    counts = (findings.agreed, findings.corrected, len(findings.discrepancies), len(findings.unknown))
    sums = (findings.booked, findings.told, findings.told - findings.booked)
    table.add_row(findings.currency, *(f"{count:,}" for count in counts), *map(format_nanos, sums))
    console.print(table)
