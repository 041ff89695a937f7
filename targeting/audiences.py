"""Audience lists: who belongs to an audience, as a file of written person ids, one a line.

``ifa:VALUE`` is an advertising id, ``buyeruid:EXCHANGE:VALUE`` and ``user:EXCHANGE:VALUE`` are ids that one exchange
knows a person by. Empty lines and lines beginning with ``#`` are passed over.
"""

from collections.abc import Collection
from pathlib import Path

from domain.errors import Problem, Refused
from domain.naming import person_key
from targeting.people import Change, Profiles
from targeting.record import NEVER

FORMS = "a person is written ifa:VALUE, buyeruid:EXCHANGE:VALUE or user:EXCHANGE:VALUE"
MAX_VALUE = 256
MAX_PROBLEMS = 100
"""A file of another format altogether is given up after so many bad lines."""


def parse_person(text: str, exchanges: Collection[str] | None = None) -> int:
    """Key of the person written ``text``. Raises ValueError saying what is wrong; an exchange that is none of
    ``exchanges``, if these are given, is wrong too."""
    kind, _, value = text.partition(":")
    exchange = ""
    if kind in ("buyeruid", "user"):
        exchange, _, value = value.partition(":")
        if not exchange or (exchanges is not None and exchange not in exchanges):
            raise ValueError(f"no exchange {exchange!r}; {FORMS}")
    elif kind != "ifa":
        raise ValueError(FORMS)
    if not value or len(value) > MAX_VALUE or not value.isprintable() or " " in value:
        raise ValueError(f"an id has 1 to {MAX_VALUE} printable characters without spaces; {FORMS}")
    if kind == "ifa" and not value.strip("0-"):
        raise ValueError("an advertising id of zeros is what people who opted out have in common")
    return person_key(kind, value, exchange)


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
                    shown = line[:80].decode(errors="replace")
                    problems.append(Problem(f"{path}, line {number}", shown, str(error)))
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
