"""``outbid risk key``, ``outbid credit key`` and ``outbid campaigns key``: keys with which institutions and advertisers
call the APIs.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

File = Callable[[], Path]


def _of_institutions() -> Path:
    from api.keys import key_file

    return key_file()


def add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    scopes: Callable[[], Sequence[str]],
    file: File = _of_institutions,
    whose: str = "institution",
) -> None:
    """Adds ``key add|list|revoke``. ``scopes``: those that there are; ``file``: where the keys are; ``whose``: who keys
    are given to."""
    command = commands.add_parser("key", help=f"keys of {whose}s: made, listed, revoked")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    making = actions.add_parser("add", help="a new key; its token is shown once")
    making.add_argument(
        f"--{whose}", dest="institution", default="", metavar="NAME", help="whose it is; without it: the operator's"
    )
    making.add_argument("--scope", action="append", default=[], metavar="SCOPE", help="can be given several times")
    making.add_argument("--days", type=int, default=365, metavar="N", help="how long it is good; 0: for ever")
    making.add_argument("--rate", type=float, default=0.0, metavar="R", help="calls a second; 0: no limit")
    making.add_argument("--note", default="", metavar="TEXT")
    making.set_defaults(run=lambda asked: _make(asked, scopes, file()))
    listing = actions.add_parser("list", help="all keys, without their tokens")
    listing.set_defaults(run=lambda asked: _list(file()))
    revoking = actions.add_parser("revoke", help="a key is known no more, within a second")
    revoking.add_argument("id", metavar="ID")
    revoking.set_defaults(run=lambda asked: _revoke(asked.id, file()))


def _make(asked: argparse.Namespace, scopes: Callable[[], Sequence[str]], path: Path) -> int:
    from api.keys import EVERYTHING, KeyFile
    from domain.errors import Problem, Refused

    known = (*scopes(), EVERYTHING)
    problems = [
        Problem("--scope", each, f"it must be of {', '.join(known)}") for each in asked.scope if each not in known
    ]
    if asked.institution and not re.fullmatch(r"\w[\w .&-]{0,63}", asked.institution):
        allowed = "it must be 1 to 64 letters, digits, blanks and . & - _, beginning with a letter or a digit"
        problems.append(Problem("--institution", asked.institution, allowed))
    if not asked.scope:
        problems.append(Problem("--scope", None, f"name at least one of {', '.join(known)}"))
    if not 0 <= asked.days <= 3660:
        problems.append(Problem("--days", asked.days, "it must be 0 to 3660"))
    if not 0 <= asked.rate <= 1_000_000:
        problems.append(Problem("--rate", asked.rate, "it must be 0 to 1000000"))
    if problems:
        raise Refused(problems)
    expires = int(time.time()) + asked.days * 86_400 if asked.days else 0
    path.parent.mkdir(parents=True, exist_ok=True)
    token, record = KeyFile(path).add(
        asked.institution, asked.scope, expires_s=expires, rate=asked.rate, note=asked.note
    )
    print(token)
    print(f"id {record.id}, good until {_day(expires)}; the token is not kept: it is shown this once", file=sys.stderr)
    return 0


def _list(path: Path) -> int:
    from rich.console import Console
    from rich.table import Table

    from api.keys import KeyFile

    table = Table("id", "institution", "scopes", "made", "until", "rate", "note", box=None, pad_edge=False)
    for one in KeyFile(path).read():
        rate = f"{one.rate:g}/s" if one.rate else ""
        whose = one.institution or "(operator)"
        table.add_row(one.id, whose, " ".join(one.scopes), _day(one.made_s), _day(one.expires_s), rate, one.note)
    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)
    return 0


def _revoke(id_: str, path: Path) -> int:
    from api.keys import KeyFile

    if KeyFile(path).revoke(id_):
        return 0
    print(f"outbid: there is no key with the id {id_!r}", file=sys.stderr)
    return 1


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}" if seconds else "revoked"
