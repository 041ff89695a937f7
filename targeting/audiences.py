"""Audience lists: who belongs to an audience, as a file of written person ids (`targeting.identity_keys`), one a line.

Empty lines and lines beginning with ``#`` are passed over.
"""

from collections.abc import Collection
from pathlib import Path

from domain.errors import Problem, Refused
from targeting.identity_keys import parse_person, shown
from targeting.people import Change, Profiles
from targeting.record import NEVER

MAX_PROBLEMS = 100
"""A file of another format altogether is given up after so many bad lines."""


def read_audience(path: Path, exchanges: Collection[str] | None = None) -> set[int]:
    """Persons of a list file; one named twice counts once. Raises `Refused` naming each bad line by its number."""
    persons: set[int] = set()
    problems: list[Problem] = []
    try:
        with path.open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                line = raw.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else raw.strip()
                if not line or line.startswith(b"#"):
                    continue
                try:
                    persons.add(parse_person(line.decode(), exchanges))
                except ValueError as error:  # UnicodeDecodeError is one
                    value = shown(line.decode(errors="replace"))
                    problems.append(Problem(f"{path}, line {number}", value, str(error)))
                    if len(problems) == MAX_PROBLEMS:
                        break
    except OSError as error:
        raise Refused([Problem(str(path), error.strerror, "it must be a file that can be read")]) from None
    if problems:
        raise Refused(problems)
    return persons


def import_audience(
    store: Profiles, segment: int, path: Path, *, expires_s: int = NEVER, exchanges: Collection[str] | None = None
) -> Change:
    """Makes the persons of a list file the whole of an audience. Raises `Refused`; then the audience is as before."""
    return store.replace_audience(segment, read_audience(path, exchanges), expires_s)
