"""``outbid logs``: this host's event logs, how far each consumer has come, and what keeps old segments from going."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


def run_release(asked: argparse.Namespace) -> int:
    from domain.errors import Problem, Refused
    from domain.settings import places
    from eventlog.consumers import positions, release

    root = places().data / "log"
    logs = sorted(f"{path.parent.parent.name}/{path.parent.name}" for path in root.glob("*/*/published"))
    if asked.log not in logs:
        raise Refused([Problem("LOG", asked.log, f"it must be one of {', '.join(logs) or 'none: there are no logs'}")])
    if not release(root / asked.log, asked.consumer):
        known = ", ".join(positions(root / asked.log)) or "none: it has no consumers"
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
