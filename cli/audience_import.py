"""``outbid audiences import``: a list of persons into an audience."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.bars import Bar
from cli.known_audiences import audience_of, known, seconds_now

if TYPE_CHECKING:
    from targeting.audience_import import Note, Order, Tally


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = actions.add_parser("import", help="put a list of persons in the place of an audience's, or beside it")
    command.add_argument("audience", metavar="KEY")
    command.add_argument(
        "file", type=Path, metavar="FILE", help="CSV (.csv, .tsv), Parquet (.parquet), or one written person a line"
    )
    command.add_argument("--advertiser", metavar="KEY", help="whose audience it must be")
    command.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="KIND=NAME",
        help="what kind of id a column of the table has: ifa=maid, user:usx=cookie; may be given several times",
    )
    command.add_argument("--no-header", action="store_true", help="the CSV's columns are called 1, 2, 3 …")
    how = command.add_mutually_exclusive_group()
    how.add_argument("--add", action="store_true", help="who is a member already remains one")
    how.add_argument("--remove", action="store_true", help="take the persons of the file out of the audience")
    command.add_argument("--ttl", metavar="TIME", help="memberships end after 12h, 30d …; default: the audience's ttl")
    command.add_argument(
        "--max-bad",
        type=int,
        default=0,
        metavar="N",
        help="go on without up to N bad lines; with more, nothing is changed (default: %(default)s)",
    )
    command.set_defaults(run=run_import)


def run_import(asked: argparse.Namespace) -> int:
    from campaigns.audience_terms import LONGEST_TTL_S
    from campaigns.values import window
    from domain.entry import Wrong
    from domain.errors import Problem, Refused
    from targeting.audience_files import IdFile
    from targeting.audience_import import order

    snapshot = known()
    audience = audience_of(snapshot, asked.audience, asked.advertiser)
    if audience.of is not None:
        raise Refused([Problem("KEY", audience.key, "it is made of other audiences, and has no members of its own")])
    if audience.rule is not None:
        raise Refused([Problem("KEY", audience.key, "it has a rule, which says who its members are")])
    if audience.lookalike_of:
        raise Refused([Problem("KEY", audience.key, "it is a lookalike, which outbid audiences lookalike makes")])
    try:
        ttl_s = window(LONGEST_TTL_S)(asked.ttl) if asked.ttl else audience.ttl_s
    except Wrong as wrong:
        raise Refused([Problem("--ttl", asked.ttl, wrong.allowed)]) from None
    exchanges = {exchange.key for exchange in snapshot.exchanges}
    advertisers = {advertiser.key for advertiser in snapshot.advertisers}
    columns = _columns(asked.column)
    file = IdFile(asked.file, columns, header=not asked.no_header, exchanges=exchanges, advertisers=advertisers)
    mode: Any = "add" if asked.add else "remove" if asked.remove else "replace"
    print(told(*_import(file, order(audience.id, mode, ttl_s, file), asked.max_bad)))
    return 0


def _import(file: Any, order: "Order", most_bad: int) -> "tuple[Order, Tally, Note, int]":
    from domain.settings import places
    from targeting.audience_import import note_of, read, write
    from targeting.audience_lists import lists_of
    from targeting.audience_spool import Spool
    from targeting.stores import open_store

    data, now_s = places().data, seconds_now()
    with (
        alone(data / "imports", order.audience) as folder,
        open_store(data) as store,
        Spool(folder) as spool,
        Bar("read", "written") as shown,
    ):
        lists = lists_of(store)
        before = note_of(lists, order.audience)
        if before.running is not None and before.running.stamp == order.stamp:
            print(f"going on with the import of {order.source}, which was broken off", file=sys.stderr)
        elif before.running is not None:
            print(f"the import of {before.running.source} was broken off; this one comes after it", file=sys.stderr)
        tally = read(file, spool, most_bad, lambda share, rows, written: shown(share, written))
        tally = write(lists, order, spool, tally, now_s, lambda share, rows, written: shown(share, written))
        return order, tally, note_of(lists, order.audience), lists.size(order.audience)


def told(order: "Order", tally: "Tally", note: "Note", size: int) -> str:
    """What an import did, for a person."""
    from targeting.record import NEVER

    skipped = f", {tally.bad:,} bad lines left out" * (tally.bad > 0) + f", {tally.blank:,} without an id" * (
        tally.blank > 0
    )
    lines = [f"{tally.rows:,} rows{skipped}: {tally.size:,} different persons"]
    for kind, count in tally.persons.items():
        met = tally.met.get(kind, 0)
        lines.append(f"  {kind}: {count:,}, of whom {met:,} are known ({met / max(1, count):.1%})")
    lines.append(f"match rate {tally.match_rate:.1%}; {tally.added:,} added, {tally.removed:,} removed")
    lines.append(f"the audience has {size:,} members")
    if order.mode != "remove":
        ends = "for ever" if note.expires_s == NEVER else f"until {_day(note.expires_s)}"
        lines.append(f"those of this list are members {ends}")
    return "\n".join(lines)


def _columns(written: list[str]) -> "list[Any]":
    from domain.errors import Problem, Refused
    from targeting.audience_files import Column

    columns = []
    for text in written:
        kind, equals, name = text.partition("=")
        if not kind or not equals or not name:
            raise Refused([Problem("--column", text, "it must be KIND=NAME, such as ifa=maid or user:usx=cookie")])
        columns.append(Column(kind, name))
    return columns


@contextmanager
def alone(folder: Path, audience: int) -> "Iterator[Path]":
    """A directory for what does not fit into memory, which only one import into an audience has at a time."""
    import fcntl

    from domain.errors import Problem, Refused

    folder.mkdir(parents=True, exist_ok=True)
    remove_left_behind(folder)
    with (folder / f"{audience}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused([Problem("KEY", audience, "another import into this audience is running")]) from None
        yield folder / str(audience)


def remove_left_behind(folder: Path) -> None:
    """Removes what imports that were killed have left in ``folder``: keys of persons, sorted to be written."""
    import fcntl
    import shutil

    for left in folder.iterdir():
        if left.is_dir():
            with (folder / f"{left.name}.lock").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue  # it is running
                shutil.rmtree(left, ignore_errors=True)


def _day(at_s: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at_s))
