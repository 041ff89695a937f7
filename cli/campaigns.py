"""``outbid campaigns import FILE``: what marketers define, from a YAML file into the control plane's store. And
``outbid campaigns schema``: the form of targeting, for editors and programs that write such files.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from campaigns.importing import Summary


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("campaigns", help="import advertisers, campaigns, creatives, audiences from a file")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    importing = actions.add_parser("import", help="add what is new, change what is known by its key; all or nothing")
    importing.add_argument("file", type=Path, metavar="FILE")
    importing.set_defaults(run=run_import)
    schema = actions.add_parser("schema", help="print the JSON Schema of a line item's targeting")
    schema.set_defaults(run=run_schema)


def run_import(asked: argparse.Namespace) -> int:
    if not asked.file.is_file():
        print(f"outbid: there is no file {str(asked.file)!r}", file=sys.stderr)
        return 2
    for line in told(import_into_store(asked.file)):
        print(line)
    return 0


def run_schema(asked: argparse.Namespace) -> int:
    import json

    from campaigns.targeting_schema import schema

    print(json.dumps(schema(), indent=2))
    return 0


def import_into_store(file: Path) -> "Summary":
    """Imports into the configured store, which is made or brought up to date first. Raises `Refused`."""
    from campaigns.config import database_url
    from campaigns.importing import import_file
    from campaigns.store import Store

    store = Store(database_url())
    try:
        store.migrate()
        return import_file(store, file)
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
