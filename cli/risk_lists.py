"""``outbid risk lists``: black, grey and white lists: imported, edited, looked up, exported, audited."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from risk.list_files import Change
    from risk.lists import Hit

NAMES = ("black", "grey", "white")
PROBLEMS_SHOWN = 20


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("lists", help="black, grey and white lists of everybody and of institutions")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    bring = actions.add_parser("import", help="bring a file of ids into a list, in one step")
    bring.add_argument("file", type=Path, metavar="FILE", help="lines ID[,REASON[,SOURCE[,EXPIRES]]]; may be .gz")
    _whose(bring)
    _terms(bring)
    bring.add_argument("--kind", default="", metavar="KIND", help="the file has bare values of this kind of id")
    how = bring.add_mutually_exclusive_group()
    how.add_argument("--replace", action="store_true", help="the list is this file afterwards, and nothing else")
    how.add_argument("--remove", action="store_true", help="take the ids of the file off the list")
    bring.add_argument(
        "--max-bad", type=int, default=0, metavar="N",
        help="go on without up to N bad lines; with more, nothing is changed (default: %(default)s)",
    )  # fmt: skip
    bring.set_defaults(run=run_import)
    for name, run, told in (("add", run_add, "put ids on a list"), ("remove", run_remove, "take ids off a list")):
        edit = actions.add_parser(name, help=told)
        edit.add_argument("ids", nargs="+", metavar="ID", help="written KIND:VALUE")
        _whose(edit)
        if name == "add":
            _terms(edit)
        edit.set_defaults(run=run)
    look = actions.add_parser("look", help="on which lists ids are, and which of them counts")
    look.add_argument("ids", nargs="+", metavar="ID", help="written KIND:VALUE; an address ip:203.0.113.9")
    look.add_argument("--institution", default="", metavar="NAME", help="whose lists count beside everybody's")
    look.add_argument("--json", action="store_true")
    look.set_defaults(run=run_look)
    show = actions.add_parser("show", help="the lists there are, and how long they are")
    show.set_defaults(run=run_show)
    export = actions.add_parser("export", help="a list as a file that can be imported")
    _whose(export)
    export.add_argument("--out", type=Path, metavar="FILE", help="default: the standard output")
    export.set_defaults(run=run_export)
    audit = actions.add_parser("audit", help="every change, with who made it and when")
    audit.add_argument("--last", type=int, default=50, metavar="N", help="changes that are told (default: %(default)s)")
    audit.add_argument("--id", default="", metavar="ID", help="only changes that named this id, written KIND:VALUE")
    audit.add_argument("--json", action="store_true", help="as the trail has them, a line each")
    audit.set_defaults(run=run_audit)
    compact = actions.add_parser(
        "compact", help="write edits into the files of the lists, and clear expired entries away"
    )
    compact.set_defaults(run=run_compact)


def _whose(command: argparse.ArgumentParser) -> None:
    command.add_argument("--list", required=True, choices=NAMES, dest="list_")
    command.add_argument("--institution", default="", metavar="NAME", help="whose list; default: everybody's")


def _terms(command: argparse.ArgumentParser) -> None:
    command.add_argument("--reason", default="", metavar="TEXT", help="of entries that say none of their own")
    command.add_argument("--source", default="", metavar="TEXT")
    command.add_argument("--expires", default="never", metavar="TIME", help="12h, 90d, 4w, 2027-01-31 or never")


def run_import(asked: argparse.Namespace) -> int:
    from cli.bars import Bar
    from risk.list_reading import Defaults, read_list
    from risk.list_writer import Import

    writer, now_s = _writer()
    _say_unknown(asked.institution)
    reason, source, expires_s = _told_terms(asked, now_s, needed=False)
    mode: Any = "replace" if asked.replace else "remove" if asked.remove else "add"
    with Bar("read", "written") as shown:
        file = read_list(
            asked.file, Defaults(reason, source, expires_s), now_s, kind=asked.kind, most_bad=asked.max_bad,
            progress=lambda read, _: shown(read, 0.0),
        )  # fmt: skip
        order = Import(asked.list_, asked.institution, mode, _who(), str(asked.file), reason, source, expires_s)
        change = writer.import_file(order, file, lambda written: shown(1.0, written))
    for problem in file.problems[:PROBLEMS_SHOWN]:
        print(f"left out: {problem}", file=sys.stderr)
    left_out = f", {change.bad:,} of them bad" * (change.bad > 0)
    print(
        f"{change.rows:,} rows{left_out}: {change.added:,} added, {change.changed:,} changed, "
        f"{change.removed:,} removed, {change.expired:,} expired; the list has {change.entries:,} entries "
        f"(change {change.change})"
    )
    return 0


def run_add(asked: argparse.Namespace) -> int:
    from risk.list_files import Edit

    writer, now_s = _writer()
    _say_unknown(asked.institution)
    terms = _told_terms(asked, now_s, needed=True)
    edits = [Edit(id_, *terms) for id_ in _kept(asked.ids)]
    statuses = writer.edit("add", asked.list_, asked.institution, edits, _who())
    print(", ".join(f"{statuses.count(one)} {one}" for one in dict.fromkeys(statuses)))
    return 0


def run_remove(asked: argparse.Namespace) -> int:
    from risk.list_files import Edit

    writer, _ = _writer()
    edits = [Edit(id_) for id_ in _kept(asked.ids)]
    statuses = writer.edit("remove", asked.list_, asked.institution, edits, _who())
    print(", ".join(f"{statuses.count(one)} {one}" for one in dict.fromkeys(statuses)))
    return 1 if "absent" in statuses else 0


def run_look(asked: argparse.Namespace) -> int:
    import msgspec

    from domain.naming import name_id
    from risk.lists import Lists, standing
    from risk.lists_look import look_up

    lists, now_s, found = Lists.open(_directory()), _now_s(), False
    for id_, _ in zip(asked.ids, _kept(asked.ids), strict=True):
        hits = look_up(lists, id_, name_id(asked.institution), now_s)
        found = found or bool(hits)
        counts = standing(hits)
        if asked.json:
            told = [msgspec.to_builtins(hit) | {"key": f"key:{hit.key:016x}"} for hit in hits]
            print(msgspec.json.encode({"id": id_, "standing": counts, "lists": told}).decode())
            continue
        print(f"{id_}: {counts or 'on no list'}")
        for hit in hits:
            print(f"  {_told_hit(hit, lists.institution_names())}")
    return 0 if found else 1


def run_show(asked: argparse.Namespace) -> int:
    from risk.lists import Lists

    lists = Lists.open(_directory())
    for shelf in lists.manifest.shelves:
        whose = shelf.institution or "everybody"
        print(f"{shelf.list} list of {whose}: {shelf.keys:,} ids, {shelf.ranges:,} ranges of addresses")
    print(f"{lists.pending:,} single changes since; the last change is number {lists.version}")
    return 0


def run_export(asked: argparse.Namespace) -> int:
    from domain.naming import name_id
    from risk.lists import Lists
    from risk.lists_look import export_lines

    lists = Lists.open(_directory())
    count = 0
    with asked.out.open("w") if asked.out else _Standard() as out:
        for line in export_lines(lists, (asked.list_, name_id(asked.institution)), _now_s()):
            out.write(line)
            count += 1
    print(f"{count:,} entries", file=sys.stderr)
    return 0


def run_audit(asked: argparse.Namespace) -> int:
    from collections import deque

    import msgspec

    from risk.list_files import all_changes

    changes: Iterator[Change] = all_changes(_directory())
    if asked.id:
        (id_,) = _kept([asked.id])
        changes = (change for change in changes if any(edit.id == id_ for edit in change.edits))
    for change in deque(changes, asked.last):
        print(msgspec.json.encode(change).decode() if asked.json else _told_change(change))
    return 0


def run_compact(asked: argparse.Namespace) -> int:
    writer, _ = _writer()
    change = writer.compact(_who())
    print(f"{change.entries:,} entries, {change.expired:,} expired ones cleared away")
    return 0


class _Standard:
    """The standard output, which is not closed."""

    def __enter__(self) -> Any:
        return sys.stdout

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()


def _writer() -> "tuple[Any, int]":
    from domain.clock import from_env
    from risk.list_writer import ListWriter

    return ListWriter(_directory(), from_env()), _now_s()


def _say_unknown(institution: str) -> None:
    """A name that no key is of may be a slip: nobody will ever ask for its lists."""
    from api.keys import KeyFile, key_file

    if institution and all(record.institution != institution for record in KeyFile(key_file()).read()):
        print(f"outbid: no key of the risk service is of {institution!r}", file=sys.stderr)


def _directory() -> Path:
    from risk.config import directory

    return directory() / "lists"


def _now_s() -> int:
    from domain.clock import SECOND, from_env

    return from_env().now_ns() // SECOND


def _who() -> str:
    """Who runs this command, for the trail."""
    import getpass
    import os
    import socket

    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a number without a name
        name = str(os.getuid())
    sudo = os.environ.get("SUDO_USER", "")
    return f"{name}{f' (sudo by {sudo})' if sudo else ''}@{socket.gethostname()}"


def _told_terms(asked: argparse.Namespace, now_s: int, needed: bool) -> tuple[str, str, int]:
    from domain.errors import Problem, Refused
    from risk.list_terms import MAX_REASON, MAX_SOURCE, checked_text, read_expiry

    problems: list[Problem] = []
    told: list[Any] = []
    readers: Any = (
        ("reason", lambda text: checked_text(text, MAX_REASON)),
        ("source", lambda text: checked_text(text, MAX_SOURCE)),
        ("expires", lambda text: read_expiry(text, now_s)),
    )
    for name, read in readers:
        try:
            told.append(read(getattr(asked, name)))
        except ValueError as error:
            problems.append(Problem(f"--{name}", getattr(asked, name), str(error)))
    if not problems and 0 < told[2] <= now_s:
        problems.append(Problem("--expires", asked.expires, "it would have expired already"))
    if needed and not asked.reason:
        problems.append(Problem("--reason", "", "it must be said"))
    if problems:
        raise Refused(problems)
    return told[0], told[1], told[2]


def _kept(ids: list[str]) -> list[str]:
    from domain.errors import Problem, Refused
    from risk.lists_look import kept
    from targeting.identity_keys import shown

    found, problems = [], []
    for id_ in ids:
        try:
            found.append(kept(id_))
        except ValueError as error:
            problems.append(Problem("ID", shown(id_), str(error)))
    if problems:
        raise Refused(problems)
    return found


def _told_hit(hit: "Hit", institutions: dict[int, str]) -> str:
    whose = institutions.get(hit.institution) or "everybody"
    until = f"until {_day(hit.expires_s)}" if hit.expires_s else "for ever"
    within = f" by {hit.range}" if hit.range else ""
    source = f" (from {hit.source})" if hit.source else ""
    return f"{hit.list} list of {whose}{within}: {hit.reason or 'no reason'}{source}, {until}, change {hit.change}"


def _told_change(change: "Change") -> str:
    whose = f"{change.list} list of {change.institution or 'everybody'}" if change.list else "all lists"
    counts = ", ".join(
        f"{count:,} {name}"
        for name, count in (
            ("added", change.added), ("changed", change.changed), ("removed", change.removed),
            ("expired", change.expired),
        )
        if count
    )  # fmt: skip
    of = f" of {change.file} ({change.mode}, SHA-256 {change.sha256[:16]}…)" if change.file else ""
    return f"{change.change}  {_day(change.at_s)}  {change.who}  {change.action}{of}: {whose}: {counts or 'nothing'}"


def _day(at_s: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
