"""``outbid logs``: this host's event logs, how far each consumer has come, and what keeps old segments from going."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from eventlog.survey import Survey


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("logs", help="event logs of this host: sizes, consumers, what holds old segments")
    command.add_argument("--format", choices=("table", "json"), default="table")
    command.set_defaults(run=run)
    actions = command.add_subparsers(metavar="ACTION")
    releasing = actions.add_parser("release", help="a consumer is gone for good: it holds no segments any more")
    releasing.add_argument("log", metavar="LOG", help="as listed: money/0")
    releasing.add_argument("consumer", metavar="CONSUMER", help="as listed: reporter")
    releasing.set_defaults(run=run_release)
    checking = actions.add_parser(
        "check", help="read all logs, and say what of them is damaged; exit status 1 if any is"
    )
    checking.set_defaults(run=run_check)
    aside = actions.add_parser("poison", help="records that the analytics store could not take: which, and why")
    aside.add_argument("--format", choices=("table", "json"), default="table")
    aside.set_defaults(run=run_poison)
    passing = actions.add_parser("pass-over", help="let readers go on behind what is damaged; what was there is lost")
    passing.add_argument("log", metavar="LOG", help="as listed: money/0")
    passing.set_defaults(run=run_pass_over)


def run(asked: argparse.Namespace) -> int:
    from domain.settings import places
    from eventlog.config import log_settings
    from eventlog.survey import survey

    found = survey(places().data / "log", log_settings())
    if asked.format == "json":
        import msgspec

        print(msgspec.json.encode(found).decode())
        return 0
    for one in found:
        print("\n".join(_lines(one)))
    if not found:
        print("there are no event logs here")
    return 0


def run_check(asked: argparse.Namespace) -> int:
    from eventlog.damage import beyond, find

    status = 0
    for log, directory in _logs().items():
        for segment, offset, end in find(directory):
            passed_over = beyond(directory, segment, offset) == end
            print(_damage(log, segment, offset, end) + (", and passed over" if passed_over else ""))
            status = status if passed_over else 1
    if not status:
        print("nothing that readers would stop at")
    return status


def run_poison(asked: argparse.Namespace) -> int:
    """The record itself is read in its log, where it stays: of whoever was forgotten it says nothing any more."""
    from domain.settings import places
    from eventlog.reader import LogCorrupt, LogReader
    from reporting.aside import Aside

    logs, told = _logs(), []
    for note in Aside(places().data / "poison").notes():
        name = note.log.partition("/")[2]
        try:
            records = LogReader(logs[name], note.position).read(1)[0] if name in logs else []
        except LogCorrupt:
            records = []
        record = records[0].hex() if records else ""
        told.append(
            {"log": name, "position": note.position, "why": note.why, "noted_ns": note.noted_ns, "record": record}
        )
    if asked.format == "json":
        import msgspec

        print(msgspec.json.encode(told).decode())
        return 0
    for one in told:
        print(f"{one['log']} at {one['position']}: {one['why']}\n  {one['record'] or 'it is not kept any more'}")
    if not told:
        print("no record was refused")
    return 0


def run_pass_over(asked: argparse.Namespace) -> int:
    from eventlog.damage import pass_over

    for segment, offset, end in (done := pass_over(_directory(asked.log))):
        print(_damage(asked.log, segment, offset, end) + ", and passed over from now on")
    if not done:
        print(f"{asked.log}: there is no damage that is not passed over")
    return 0


def _damage(log: str, segment: int, offset: int, end: int) -> str:
    return f"{log}: segment {segment} is damaged from byte {offset:,} to byte {end:,}"


def _logs() -> "dict[str, Path]":
    from domain.settings import places

    found = sorted(mark.parent for mark in (places().data / "log").glob("*/*/published"))
    return {f"{path.parent.name}/{path.name}": path for path in found}


def _directory(log: str) -> "Path":
    """Raises `domain.errors.Refused` for one that is not there."""
    from domain.errors import Problem, Refused

    logs = _logs()
    if log not in logs:
        raise Refused([Problem("LOG", log, f"it must be one of {', '.join(logs) or 'none: there are no logs'}")])
    return logs[log]


def run_release(asked: argparse.Namespace) -> int:
    from domain.errors import Problem, Refused
    from eventlog.consumers import positions, release

    directory = _directory(asked.log)
    if not release(directory, asked.consumer):
        known = ", ".join(positions(directory)) or "none: it has no consumers"
        raise Refused([Problem("CONSUMER", asked.consumer, f"it must be one of {known}")])
    print(f"{asked.log}: {asked.consumer} holds no segments any more, until it notes a position again")
    return 0


def _lines(one: "Survey") -> list[str]:
    from eventlog.segments import place_of

    segment, offset = place_of(one.published)
    oldest = f", oldest record of {_utc(one.oldest_ns / 1e9)}" if one.oldest_ns else ""
    held = f"held by {', '.join(one.held_by)}" if one.held_by else "about to be removed"
    lines = [
        f"{one.log}: {one.segments} segments, {one.bytes:,} bytes{oldest}",
        f"  published up to segment {segment}, byte {offset:,}; segment {one.first} is {held}",
    ]
    for name, lag in one.consumers.items():
        if lag.released:
            lines.append(f"  {name}: released")
            continue
        segment, offset = place_of(lag.position)
        where = f"segment {segment}, byte {offset:,}, noted {_utc(lag.noted_s)}" if lag.position else "nothing yet"
        skipped = "; segments behind it are not kept any more" if lag.skipped else ""
        lines.append(f"  {name}: passed {where}; {lag.behind:,} bytes behind{skipped}")
    return lines


def _utc(seconds: float) -> str:
    from domain.clock import utc

    return f"{utc(int(seconds * 1e9)):%Y-%m-%d %H:%M:%S} UTC"
