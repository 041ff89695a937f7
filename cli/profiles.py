"""``outbid profiles``: what is known of persons, loaded in bulk into this host's store, and copies of it."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.ask import published

if TYPE_CHECKING:
    from targeting.loading import Progress

STORE = "profiles.lmdb"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("profiles", help="load what is known of persons, millions at a time; copy it")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    load = actions.add_parser("load", help="add a table of persons to the profile store; its impressions stay")
    load.add_argument(
        "file", type=Path, metavar="FILE", help="Parquet (.parquet) or Arrow; docs/targeting.md has the columns"
    )
    load.add_argument(
        "--advertiser",
        metavar="KEY",
        help="whose stages and visits the file tells, and whose audiences it names by key",
    )
    load.set_defaults(run=run_load)
    copy = actions.add_parser("copy", help="copy the store, whole and packed, while it is in use")
    copy.add_argument("directory", type=Path, metavar="DIRECTORY", help="made; it must not be there yet, or be empty")
    copy.set_defaults(run=run_copy)


def run_load(asked: argparse.Namespace) -> int:
    from cli.ask import NoAnswer
    from domain.settings import places
    from targeting.loading import load
    from targeting.profile_tables import Table
    from targeting.stores import open_store

    if not asked.file.is_file():
        print(f"outbid: there is no file {str(asked.file)!r}", file=sys.stderr)
        return 2
    advertiser, audiences, exchanges = 0, {}, None
    if asked.advertiser:
        try:
            snapshot = published()
        except NoAnswer as error:
            print(f"outbid: which audiences there are is not known: {error}", file=sys.stderr)
            return 1
        found = [owner for owner in snapshot.advertisers if owner.key == asked.advertiser]
        if not found:
            known = ", ".join(sorted(owner.key for owner in snapshot.advertisers)) or "none"
            print(f"outbid: --advertiser {asked.advertiser}: there are {known}", file=sys.stderr)
            return 2
        advertiser = found[0].id
        audiences = {audience.key: audience.id for audience in snapshot.audiences if audience.advertiser == advertiser}
        exchanges = {exchange.key for exchange in snapshot.exchanges}
    table = Table(asked.file, advertiser=advertiser, audiences=audiences, exchanges=exchanges)
    with open_store(places().data) as store, _Bar(table.rows) as shown:
        loaded = load(store, table.batches(), shown)
    print(f"{loaded.rows:,} rows read, {loaded.profiles:,} profiles written")
    return 0


def run_copy(asked: argparse.Namespace) -> int:
    from domain.settings import places
    from targeting.profiles import ProfileStore

    if asked.directory.exists() and (not asked.directory.is_dir() or any(asked.directory.iterdir())):
        print(f"outbid: {str(asked.directory)!r} is there already, and not an empty directory", file=sys.stderr)
        return 2
    with ProfileStore(places().data / STORE, readonly=True) as store:
        store.copy(asked.directory)
    print(f"copied to {asked.directory}")
    return 0


class _Bar:
    """A bar of rows read and one of profiles written, on a terminal; nothing elsewhere."""

    def __init__(self, rows: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
        )
        self._progress = Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
        self._read = self._progress.add_task("read", total=rows, speed="")
        self._written = self._progress.add_task("written", total=rows, speed="")

    def __enter__(self) -> "Progress":
        self._progress.start()
        return self._show

    def _show(self, read: int, written: int) -> None:
        for task, count in ((self._read, read), (self._written, written)):
            speed = self._progress.tasks[task].speed
            self._progress.update(task, completed=count, speed=f"{speed:,.0f}/s" if speed else "")

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
