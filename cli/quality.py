"""``outbid quality``: do event logs, ledger and analytics store say the same? Findings of the reporter's checks."""

import argparse
import sys
from typing import Any


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("quality", help="compare event logs, ledger and analytics store, hour by hour")
    command.add_argument(
        "--from",
        dest="since",
        metavar="TIME",
        help="check from this day or hour on, now (2026-11-26, 2026-11-26T09:00Z)",
    )
    command.add_argument("--to", dest="until", metavar="TIME", help="to this day or hour, included")
    command.add_argument("--format", choices=("table", "json"), default="table")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    import json
    from urllib.parse import urlencode

    from cli.ask import NoAnswer, ask, authorization
    from domain.settings import places

    wanted = {"from": asked.since, "to": asked.until or asked.since}
    query = urlencode({name: value for name, value in wanted.items() if value})
    try:
        answer = json.loads(ask(f"{places().reporter_base}/v1/quality{'?' * bool(query)}{query}", authorization()))
    except NoAnswer as error:
        print(f"outbid: {error}", file=sys.stderr)
        return 2
    trouble = answer.get("trouble", "")
    report = answer if query else answer["report"]
    if trouble:
        print(f"outbid: data quality is not checked: {trouble}", file=sys.stderr)
    if report is None:
        print("outbid: nothing was checked yet: the first hour is not over", file=sys.stderr)
        return 1
    if asked.format == "json":
        print(json.dumps(report, indent=2))
    else:
        show(report)
    return 1 if report["findings"] or trouble else 0


def show(report: dict[str, Any]) -> None:
    """Prints the findings and what was checked."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    if report["findings"]:
        table = Table("check", "what", "hour", "account", "expected", "found", "since", box=None, pad_edge=False)
        for column in table.columns[3:6]:
            column.justify = "right"
        for one in report["findings"]:
            account = str(one["account"]) if one["account"] else ""
            amounts = f"{one['expected']:,}", f"{one['found']:,}"
            table.add_row(one["check"], one["what"], one["hour"], account, *amounts, one["since"])
        console.print(table)
        if report["omitted"]:
            console.print(f"and {report['omitted']} more")
    checked = f"{report['hours']} hours, {report['first']} to {report['last']}" if report["hours"] else "no hours"
    verdict = f"{len(report['findings']) + report['omitted']} findings" if report["findings"] else "all agrees"
    console.print(f"{checked}: {verdict}", style="bold red" if report["findings"] else "bold green")
    for hour, why in list(report["pending"].items())[:10]:
        console.print(f"  not checked yet: {hour}: {why}", style="dim")
