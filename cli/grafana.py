"""``outbid grafana``: dashboards of Grafana over the analytics store and the metrics, pushed over HTTP."""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reporting.grafana.config import Grafana
    from reporting.grafana.push import Outcome

_MARKS = {"created": "+", "changed": "~", "unchanged": " ", "kept": "!", "refused": "!", "left out": "-"}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("grafana", help="data sources and dashboards for Grafana")
    what = command.add_subparsers(metavar="WHAT", required=True)
    push = what.add_parser("push", help="creates them in a Grafana, or brings them up to date")
    push.add_argument("--url", help="of Grafana (default: [grafana] url)")
    push.add_argument("--token", help="of a service account (default: [grafana] token, which other users cannot see)")
    push.add_argument("--prometheus", metavar="URL", help="as Grafana reaches it (default: [grafana] prometheus)")
    push.add_argument("--overwrite", action="store_true", help="dashboards that were changed in Grafana, too")
    push.add_argument("--no-alerts", action="store_true", help="leaves alert rules out")
    push.add_argument("--dry-run", action="store_true", help="only tells what would be done")
    push.set_defaults(run=run)
    files = what.add_parser("files", help="writes the same as files for Grafana's provisioning")
    files.add_argument("folder", help="as deploy/grafana")
    files.set_defaults(run=write)


def run(asked: argparse.Namespace) -> int:
    from msgspec.structs import replace

    from domain.errors import Problem, Refused
    from reporting.config import settings as reporting
    from reporting.grafana.config import settings

    told = {name: value for name in ("url", "token", "prometheus") if (value := getattr(asked, name)) is not None}
    wanted = replace(settings(), **told)
    missing = [
        Problem(name, "", f"name it with --{name}, or in the settings as [grafana] {name}")
        for name in ("url", "token")
        if not getattr(wanted, name)
    ]
    if missing:
        raise Refused(missing)
    trouble = False
    for outcome in _push(wanted, reporting().store, asked):
        trouble |= outcome.trouble
        why = f": {outcome.why}" if outcome.why else ""
        print(f"{_MARKS[outcome.done]} {outcome.done:9}  {outcome.thing}{why}", flush=True)
    if asked.dry_run:
        print("nothing was changed: this was a dry run")
    return int(trouble)


def _push(wanted: "Grafana", store: str, asked: argparse.Namespace) -> "Iterator[Outcome]":
    from domain.settings import SettingsError
    from monitoring.config import alert_settings
    from monitoring.rules import rules
    from reporting.grafana.alerts import groups
    from reporting.grafana.boards import BOARDS
    from reporting.grafana.client import Client
    from reporting.grafana.push import Outcome, Push
    from reporting.grafana.sources import EMBEDDED, of_prometheus, of_store

    if store == "chdb":
        raise SettingsError(EMBEDDED)
    reports = of_store(wanted.store or store)
    metrics = of_prometheus(wanted.prometheus) if wanted.prometheus else None
    if not wanted.store:
        print(
            "outbid: Grafana gets the reporter's own ClickHouse user, who may change data, and whoever uses Grafana "
            "may run any statement. Make one who may only read (deploy/clickhouse/users.d/grafana.xml), and name it in "
            "[grafana] store.",
            file=sys.stderr,
        )
    push = Push(Client(wanted.url, wanted.token), asked.dry_run, asked.overwrite)
    yield push.folder()
    yield from push.source(reports)
    if metrics is not None:
        yield from push.source(metrics)
    for board in BOARDS:
        if metrics is None and board.needs_metrics():
            yield Outcome("left out", f"dashboard {board.title}", "it needs Prometheus: --prometheus URL")
            continue
        shown = board if metrics is not None else board.without_metrics()
        yield push.dashboard(shown.laid_out())
        if shown != board:
            yield Outcome("left out", f"panels of {board.title}", "they need Prometheus: --prometheus URL")
    if asked.no_alerts:
        return
    for group in groups(rules(alert_settings().rule), metrics=metrics is not None):
        yield push.alerts(group)
    if metrics is None:
        yield Outcome("left out", "alert rules over metrics", "they need Prometheus: --prometheus URL")


def write(asked: argparse.Namespace) -> int:
    from pathlib import Path

    from monitoring.config import alert_settings
    from monitoring.rules import rules
    from reporting.grafana.provisioning import write as write_files

    for path in write_files(Path(asked.folder), rules(alert_settings().rule)):
        print(path)
    return 0
