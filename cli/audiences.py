"""``outbid audiences``: lists of persons into audiences; how large these are, and how much of one is in another."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.ask import published
from cli.lookalike import add_lookalike

if TYPE_CHECKING:
    from domain.campaign import Audience, Snapshot
    from targeting.audience_import import Note, Order, Tally
    from targeting.audience_lists import Lists


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("audiences", help="import lists of persons; sizes and overlaps of audiences")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    _add_import(actions)
    add_lookalike(actions)
    listing = actions.add_parser("list", help="every audience: members, where they are from, how old the list is")
    listing.add_argument("--advertiser", metavar="KEY", help="this one's only")
    listing.set_defaults(run=run_list)
    overlap = actions.add_parser("overlap", help="how many persons audiences have in common")
    overlap.add_argument("audiences", nargs="+", metavar="KEY", help="lists, and sets made of them")
    overlap.set_defaults(run=run_overlap)
    for action in (listing, overlap):
        action.add_argument("--format", choices=("text", "json"), default="text")
    clean = actions.add_parser("clean", help="take out the members whose membership has ended, to make room")
    clean.add_argument("audiences", nargs="*", metavar="KEY", help="default: all")
    clean.set_defaults(run=run_clean)


def _add_import(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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
    from campaigns.entry import Wrong
    from campaigns.values import window
    from domain.errors import Problem, Refused
    from targeting.audience_files import IdFile
    from targeting.audience_import import order

    snapshot = _known()
    audience = _audience(snapshot, asked.audience, asked.advertiser)
    if audience.of is not None:
        raise Refused([Problem("KEY", audience.key, "it is made of other audiences, and has no members of its own")])
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

    data, now_s = places().data, _now_s()
    with (
        _alone(data / "imports", order.audience) as folder,
        open_store(data) as store,
        Spool(folder) as spool,
        _Bar("read", "written") as shown,
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
    ends = "for ever" if note.expires_s == NEVER else f"until {_day(note.expires_s)}"
    lines.append(f"the audience has {size:,} members" + (f"; these {ends}" if order.mode != "remove" else ""))
    return "\n".join(lines)


def run_list(asked: argparse.Namespace) -> int:
    from targeting.audience_algebra import definitions_of
    from targeting.audience_counts import live_sizes
    from targeting.audience_import import note_of

    snapshot = _known()
    with _lists() as lists, _Bar("counted") as shown:
        owners = {owner.id: owner.key for owner in snapshot.advertisers}
        if asked.advertiser is not None:
            _advertiser(snapshot, asked.advertiser)
        found = [one for one in snapshot.audiences if asked.advertiser in (None, owners[one.advertiser])]
        now_s, definitions = _now_s(), definitions_of(snapshot.audiences)
        alive = live_sizes(lists, [one.id for one in found], definitions, now_s, shown)
        rows: list[dict[str, Any]] = []
        for one, live in zip(found, alive, strict=True):
            note = note_of(lists, one.id)
            source = "set" if one.of is not None else note.source or ("file of campaigns" if one.size else "")
            rows.append(
                {
                    "audience": one.key,
                    "advertiser": owners[one.advertiser],
                    "members": live if one.of is not None else lists.size(one.id),
                    "live": live,
                    "source": source,
                    "ttl_s": one.ttl_s,
                    "imported_s": note.at_s,
                    "broken_off": note.running.source if note.running is not None else "",
                }
            )
    if asked.format == "json":
        print(json.dumps(rows, indent=2))
        return 0
    lines = [["audience", "advertiser", "members", "live", "ttl", "age", "source"]]
    for row in rows:
        age = _span(now_s - row["imported_s"]) if row["imported_s"] else "-"
        source = row["source"] + (f" (broken off: {row['broken_off']})" if row["broken_off"] else "")
        ttl = _span(row["ttl_s"]) if row["ttl_s"] else "-"
        lines.append([row["audience"], row["advertiser"], f"{row['members']:,}", f"{row['live']:,}", ttl, age, source])
    _table(lines, "llrrrrl")
    return 0


def run_overlap(asked: argparse.Namespace) -> int:
    from targeting.audience_algebra import definitions_of
    from targeting.audience_counts import overlap

    keys = list(dict.fromkeys(asked.audiences))
    snapshot = _known()
    with _lists() as lists, _Bar("counted") as shown:
        ids = [_audience(snapshot, key).id for key in keys]
        found = overlap(lists, ids, definitions_of(snapshot.audiences), _now_s(), shown)
    places = range(len(keys))
    if asked.format == "json":
        shares = [[round(found.share(i, j), 6) for j in places] for i in places]
        print(json.dumps({"audiences": keys, "shared": found.shared, "share_of_row": shares}, indent=2))
        return 0
    lines = [["", *keys]]
    for i in places:
        lines.append([keys[i], *(f"{found.shared[i][j]:,} ({found.share(i, j):.1%})" for j in places)])
    _table(lines, "l" + "r" * len(keys))
    return 0


def run_clean(asked: argparse.Namespace) -> int:
    from targeting.audience_counts import end_memberships

    snapshot = _known()
    with _lists(writing=True) as lists, _Bar("looked at") as shown:
        wanted = [_audience(snapshot, key) for key in asked.audiences] or list(snapshot.audiences)
        wanted = [audience for audience in wanted if audience.of is None]
        now_s = _now_s()
        ended = {one.key: end_memberships(lists, one.id, now_s, shown) for one in wanted}
    for key, count in ended.items():
        if count or asked.audiences:
            print(f"{key}: {count:,} memberships had ended")
    print(f"{sum(ended.values()):,} members taken out of {len(ended):,} audiences")
    return 0


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


def _known() -> "Snapshot":
    """What is published."""
    from cli.ask import NoAnswer
    from domain.errors import Unavailable

    try:
        return published()
    except NoAnswer as error:
        raise Unavailable(f"which audiences there are is not known: {error}") from None


def _now_s() -> int:
    from domain.clock import from_env

    return from_env().now_ns() // 10**9


def _advertiser(snapshot: "Snapshot", key: str) -> int:
    from domain.errors import Problem, Refused

    for owner in snapshot.advertisers:
        if owner.key == key:
            return owner.id
    known = ", ".join(sorted(owner.key for owner in snapshot.advertisers)) or "none"
    raise Refused([Problem("--advertiser", key, f"there are {known}")])


def _audience(snapshot: "Snapshot", key: str, advertiser: str | None = None) -> "Audience":
    from domain.errors import Problem, Refused

    owner = _advertiser(snapshot, advertiser) if advertiser is not None else None
    own = {one.key: one for one in snapshot.audiences if owner in (None, one.advertiser)}
    if key in own:
        return own[key]
    known = ", ".join(sorted(own)[:50]) or "none"
    raise Refused([Problem("audience", key, f"the audiences{f' of {advertiser}' if advertiser else ''} are {known}")])


@contextmanager
def _lists(*, writing: bool = False) -> "Iterator[Lists]":
    from domain.settings import places
    from targeting.audience_lists import lists_of
    from targeting.stores import open_store

    with open_store(places().data, readonly=not writing) as store:
        yield lists_of(store)


@contextmanager
def _alone(folder: Path, audience: int) -> "Iterator[Path]":
    """A directory for what does not fit into memory, which only one import into an audience has at a time."""
    import fcntl
    import shutil

    from domain.errors import Problem, Refused

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{audience}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused([Problem("KEY", audience, "another import into this audience is running")]) from None
        shutil.rmtree(folder / str(audience), ignore_errors=True)  # of one that was killed
        yield folder / str(audience)


def _day(at_s: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at_s))


def _span(seconds: int) -> str:
    for unit, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= unit:
            return f"{seconds // unit}{letter}"
    return f"{max(0, seconds)}s"


def _table(lines: list[list[str]], sides: str) -> None:
    widths = [max(len(line[place]) for line in lines) for place in range(len(sides))]
    for line in lines:
        cells = (
            cell.ljust(width) if side == "l" else cell.rjust(width)
            for cell, width, side in zip(line, widths, sides, strict=True)
        )
        print("  ".join(cells).rstrip())


class _Bar:
    """A bar for each of some shares, on a terminal; nothing elsewhere."""

    def __init__(self, *names: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._tasks = [self._progress.add_task(name, total=1.0) for name in names]

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __call__(self, *shares: float) -> None:
        for task, share in zip(self._tasks, shares, strict=True):
            self._progress.update(task, completed=share)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
