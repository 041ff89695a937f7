"""Joins from a file: CSV lines ``KEY,KEY[,CONFIDENCE[,SOURCE]]``, streamed, so that a file may have millions.

A key is written as `targeting.identity_keys` has it. Empty lines and lines beginning with ``#`` are passed over. Good
lines are joined whatever the others are like; a file that was joined in part can be joined again.
"""

import csv
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from domain.errors import Problem, Refused
from targeting.identity import CERTAIN, MAX_SOURCE, Edge, IdentityMap
from targeting.identity_keys import parse_person, shown, written_key

IMPORT = "import"
"""The source of a line that names none."""
BATCH = 2_000
MAX_PROBLEMS = 100
"""A file of another format altogether is given up after so many bad lines."""
FORM = "a line is KEY,KEY[,CONFIDENCE[,SOURCE]]"

Progress = Callable[[int], None]
"""Called now and then with the bytes read so far."""


@dataclass
class Joined:
    """What joining a file did."""

    lines: int = 0
    """That say something, bad ones among them."""
    joined: int = 0
    """Edges that were not there before."""
    forgotten: int = 0
    """Lines that were passed over, since one of their keys was forgotten."""
    problems: list[Problem] = field(default_factory=list)
    """Bad lines, and joins that were refused, by number."""


def join_file(
    identity: IdentityMap,
    path: Path,
    at_s: int,
    *,
    exchanges: Collection[str] | None = None,
    advertisers: Collection[str] | None = None,
    progress: Progress = lambda read: None,
) -> Joined:
    """Joins what the lines of a file say, as told at ``at_s`` (unix seconds). Raises `Refused` if it cannot be read."""
    done, batch, numbers, read = Joined(), list[Edge](), list[int](), 0

    def join() -> None:
        outcome = identity.join_all(batch)
        done.joined += outcome.joined
        done.forgotten += outcome.forgotten
        done.problems += [
            Problem(f"{path}, line {numbers[place]}", _names(batch[place]), why)
            for place, why in sorted(outcome.refused.items())
        ]
        batch.clear()
        numbers.clear()

    try:
        with path.open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                read += len(raw)
                line = raw.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else raw.strip()
                if not line or line.startswith(b"#"):
                    continue
                done.lines += 1
                try:
                    batch.append(parse_edge(line.decode(), at_s, exchanges, advertisers))
                    numbers.append(number)
                except ValueError as error:  # UnicodeDecodeError is one
                    done.problems.append(Problem(f"{path}, line {number}", _shown(line), str(error)))
                if len(done.problems) >= MAX_PROBLEMS:
                    break
                if len(batch) == BATCH:
                    join()
                    progress(read)
    except OSError as error:
        raise Refused([Problem(str(path), error.strerror, "it must be a file that can be read")]) from None
    join()
    progress(read)
    return done


def parse_edge(
    line: str, at_s: int, exchanges: Collection[str] | None = None, advertisers: Collection[str] | None = None
) -> Edge:
    """A line -> an edge. Raises ValueError saying what is wrong, without what may be an address or a number."""
    try:
        (fields,) = csv.reader([line], strict=True)
    except csv.Error as error:
        raise ValueError(f"{FORM}: {error}") from None
    if not 2 <= len(fields) <= 4:
        raise ValueError(f"{FORM}, and this one has {len(fields)} fields")
    first, second, confidence, source = (*(text.strip() for text in fields), *("",) * (4 - len(fields)))
    try:
        sure = float(confidence) if confidence else CERTAIN
    except ValueError:
        raise ValueError("confidence is a number above 0, up to 1") from None
    if len(source) > MAX_SOURCE:
        raise ValueError(f"a source has at most {MAX_SOURCE} characters")
    one, other = (parse_person(text, exchanges, advertisers) for text in (first, second))
    return Edge(one, other, source or IMPORT, sure, at_s).checked()


def _names(edge: Edge) -> str:
    return f"{written_key(edge.first)},{written_key(edge.second)}"


def _shown(line: bytes) -> str:
    """Field by field as much as may be shown."""
    return ",".join(shown(text.strip()) for text in line.decode(errors="replace").split(",")[:4])
