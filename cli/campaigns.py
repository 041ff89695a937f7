"""``outbid campaigns import FILE``: what marketers define, from a YAML file into the control plane's store;
``outbid campaigns check FILE``, which only says what is wrong with it; ``outbid campaigns export``, a file that what is
stored could have come from; ``outbid campaigns schema``, the form of targeting, for editors and programs that write
such files; and ``get``, ``pause``, ``resume`` and ``key``, which are `cli.campaign_resources`.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli import campaign_resources

if TYPE_CHECKING:
    from campaigns.importing import Inspect, Summary
    from campaigns.store import Store


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("campaigns", help="import advertisers, campaigns, creatives, audiences from a file")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    importing = actions.add_parser("import", help="add what is new, change what is known by its key; all or nothing")
    checking = actions.add_parser("check", help="say what is wrong with a file, and change nothing")
    for action, run in ((importing, run_import), (checking, run_check)):
        action.add_argument("file", type=Path, metavar="FILE")
        action.add_argument(
            "--check-assets",
            action="store_true",
            help="load what the file's creatives show and lead to: what is not there or not as declared is an error",
        )
        action.add_argument(
            "--private-hosts", action="store_true", help="with --check-assets: also from addresses of your own network"
        )
        action.set_defaults(run=run)
    exporting = actions.add_parser("export", help="print what is stored as a file that can be imported")
    exporting.set_defaults(run=run_export)
    schema = actions.add_parser("schema", help="print the JSON Schema of a line item's targeting")
    schema.set_defaults(run=run_schema)
    campaign_resources.add(actions)


def run_import(asked: argparse.Namespace) -> int:
    if not _is_there(asked.file):
        return 2
    for line in told(import_into_store(asked.file, _inspection(asked))):
        print(line)
    return 0


def run_export(asked: argparse.Namespace) -> int:
    from campaigns import catalogue, history
    from campaigns.writing import Writing
    from domain.yaml_file import yaml_of

    store = _store()
    try:
        with store.read() as conn:
            known = history.without(catalogue.load(conn), history.deleted(conn))
    finally:
        store.close()
    sys.stdout.write(yaml_of(Writing(known).file()))
    return 0


def run_schema(asked: argparse.Namespace) -> int:
    import json

    from campaigns.targeting_schema import schema

    print(json.dumps(schema(), indent=2))
    return 0


def run_check(asked: argparse.Namespace) -> int:
    if not _is_there(asked.file):
        return 2
    from campaigns.importing import check_file

    store = _store()
    try:
        creatives = check_file(store, asked.file, inspect=_inspection(asked))
    finally:
        store.close()
    looked_at = f"; the assets of its {creatives} creatives are there" if asked.check_assets else ""
    print(f"{asked.file} is in order{looked_at}")
    return 0


def _is_there(file: Path) -> bool:
    if not file.is_file():
        print(f"outbid: there is no file {str(file)!r}", file=sys.stderr)
        return False
    return True


def _inspection(asked: argparse.Namespace) -> "Inspect | None":
    """What ``--check-assets`` asks for."""
    if not asked.check_assets:
        return None
    import asyncio
    from collections.abc import Mapping

    from campaigns.asset_checks import check_assets
    from campaigns.asset_fetching import AssetFetcher
    from domain.creative import Creative
    from domain.errors import Refused

    def inspect(creatives: Mapping[str, Creative]) -> None:
        if problems := asyncio.run(check_assets(creatives, AssetFetcher(private=asked.private_hosts))):
            raise Refused(problems)

    return inspect


def _store() -> "Store":
    """The configured one, made or brought up to date."""
    from campaigns.config import database_url
    from campaigns.store import Store

    store = Store(database_url())
    try:
        store.migrate()
    except BaseException:
        store.close()
        raise
    return store


def import_into_store(file: Path, inspect: "Inspect | None" = None) -> "Summary":
    """Imports into the configured store, which is made or brought up to date first. Raises `Refused`."""
    from campaigns.importing import import_file

    store = _store()
    try:
        return import_file(store, file, inspect=inspect)
    finally:
        store.close()


def told(summary: "Summary") -> list[str]:
    """What an import did, for a person."""
    lines = [
        f"{kind.replace('_', ' '):12} {counts.added:6} new {counts.changed:6} changed {counts.unchanged:6} as before"
        for kind, counts in summary.counts.items()
    ]
    state = "published as" if summary.changed else "nothing changed; still"
    return [*lines, f"{state} version {summary.version}"]
