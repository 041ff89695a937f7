"""``outbid store``: the analytics store's schema and what it holds."""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reporting.store import Store


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("store", help="the analytics store: its schema, what it holds")
    parts = command.add_subparsers(metavar="WHAT", required=True)
    part = parts.add_parser("status", help="steps of the schema; rows, bytes and days of each table")
    part.add_argument("--format", choices=("table", "json"), default="table")
    part.set_defaults(run=show)
    part = parts.add_parser("migrate", help="brings the schema up to date, as the reporter does when it starts")
    part.set_defaults(run=up)
    part = parts.add_parser("revert", help="takes steps of the schema back, with the data in their tables")
    part.add_argument("--to", type=int, required=True, metavar="NUMBER", help="the last step that stays")
    part.set_defaults(run=down)
    part = parts.add_parser("rebuild", help="makes days of the rollups anew out of the facts")
    part.add_argument("--from", dest="since", metavar="DAY", required=True, help="first day, YYYY-MM-DD, UTC")
    part.add_argument("--to", dest="until", metavar="DAY", required=True, help="last day, YYYY-MM-DD, UTC")
    part.set_defaults(run=anew)
    part = parts.add_parser("copy", help="copies all of it into another one, which is to take its place")
    part.add_argument("address", metavar="ADDRESS", help="clickhouse://user:password@host:port/database[?cluster=name]")
    part.set_defaults(run=copy)
    part = parts.add_parser("ddl", help="prints the schema as statements of a current ClickHouse")
    part.add_argument("--cluster", metavar="NAME", default="", help="of that cluster, replicated and in shards")
    part.add_argument("--database", metavar="NAME", default="outbid")
    part.set_defaults(run=ddl)


def show(asked: argparse.Namespace) -> int:
    import json

    from cli.ask import NoAnswer, ask, authorization
    from domain.settings import places

    try:
        found = json.loads(ask(f"{places().reporter_base}/v1/store", authorization()))
    except NoAnswer as error:
        if not error.unreachable:
            print(f"outbid: {error}", file=sys.stderr)
            return 1
        from reporting.status import status

        found = _with_store(status)
    print(json.dumps(found, indent=2) if asked.format == "json" else _table(found), end="")
    return 0


def _table(found: dict[str, Any]) -> str:
    steps = [f"{'applied' if step['applied'] else 'missing':8} {step['number']:3} {step['title']}" for step in
             found["migrations"]]  # fmt: skip
    width = max(len(row["table"]) for row in found["tables"])
    rows = [f"{'table':{width}} {'rows':>14} {'bytes':>16}  days"]
    for row in found["tables"]:
        days = f"{row['first']} … {row['last']}" if row["first"] else ""
        rows.append(f"{row['table']:{width}} {row['rows']:14,} {row['bytes']:16,}  {days}".rstrip())
    return "\n".join([*steps, "", *rows, ""])


def up(asked: argparse.Namespace) -> int:
    from reporting.store import migrate

    return _alone(lambda store: print(f"the schema is at step {migrate(store)}"))


def down(asked: argparse.Namespace) -> int:
    from domain.errors import Problem, Refused
    from reporting.migrations import MIGRATIONS
    from reporting.store import revert

    last = MIGRATIONS[-1].number
    if not 0 <= asked.to < last:
        raise Refused([Problem("--to", asked.to, f"it must be from 0 to {last - 1}")])

    def revert_to(store: "Store") -> None:
        revert(store, asked.to)
        print(f"the schema is at step {asked.to}; the reporter would bring it up to date again when it starts")

    return _alone(revert_to)


def anew(asked: argparse.Namespace) -> int:
    from datetime import date

    from domain.errors import Problem, Refused
    from reporting.rollups import fact_days, rebuild_days

    days = {}
    for name, text in (("--from", asked.since), ("--to", asked.until)):
        try:
            days[name] = date.fromisoformat(text)
        except ValueError:
            raise Refused([Problem(name, text, "it must be a day, YYYY-MM-DD")]) from None

    def rebuild_all(store: "Store") -> None:
        there = {day for _, day in fact_days(store)}
        store.settle()
        wanted = (day for day in there if days["--from"] <= day <= days["--to"])
        rebuild_days(store, wanted, done=lambda day: print(f"{day}: made anew", flush=True))

    return _alone(rebuild_all)


def copy(asked: argparse.Namespace) -> int:
    from domain.settings import SettingsError, places
    from eventlog.remote import origin
    from reporting.copying import copy as copy_all
    from reporting.store import open_store, shown

    if not asked.address.startswith("clickhouse://"):
        raise SettingsError(f"{shown(asked.address)!r}: it must be clickhouse://user:password@host:port/database")
    here = places()

    def copy_into(store: "Store") -> None:
        target = open_store(asked.address, here.data, owner=origin(here.data), query_seconds=3_600.0)
        try:
            copy_all(store, target, lambda line: print(line, flush=True))
        finally:
            target.close()
        print(f'done; now say [reporting] store = "{asked.address}" and start the reporter')

    return _alone(copy_into)


def ddl(asked: argparse.Namespace) -> int:
    from domain.errors import Problem, Refused
    from reporting.ddl import ddl as written

    for name in ("cluster", "database"):
        text = getattr(asked, name)
        if text and not text.isidentifier():
            raise Refused([Problem(f"--{name}", text, "it must be a name of letters, digits and _")])
    print(written(asked.cluster, asked.database), end="")
    return 0


def _alone(act: "Callable[[Store], None]") -> int:
    """Refused while this host's reporter runs: it has the store open, and ships into it; or a replay."""
    from domain.errors import Unavailable
    from domain.settings import places
    from reporting.config import settings
    from reporting.store_lock import StoreLock

    lock = StoreLock(places().data, settings().store)
    if not lock.take():
        raise Unavailable(
            "the reporter of this host runs, or a replay: it writes into the analytics store; stop it first"
        )
    try:
        _with_store(act)
    finally:
        lock.release()
    return 0


def _with_store(act: "Callable[[Store], Any]") -> Any:
    from domain.errors import Unavailable
    from domain.settings import places
    from eventlog.remote import origin
    from reporting.config import settings
    from reporting.store import StoreError, open_store

    here, wanted = places(), settings()
    try:
        store = open_store(wanted.store, here.data, owner=origin(here.data), query_seconds=wanted.query_seconds)
        try:
            return act(store)
        finally:
            store.close()
    except StoreError as error:
        raise Unavailable(f"the analytics store: {error}") from None
