"""Persons of a file, scored for the bid: what the file says of them, and what is known of them here."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused
from prediction.datasets.columns import BINARY
from prediction.datasets.lines import Bad, Block, Lines
from risk.engine import Engine
from risk.inputs import FACTS
from risk.people import BLACK_LISTED, GREY_LISTED
from risk.subject import SubjectForm, read_subject

WANTED = ("fraud", "device_risk")
IDS = "ids"
TOLD = (IDS, "ip", "user_agent")
"""Columns that are not facts; ids are separated by spaces, and each gets the row."""


class ScoredPersons(NamedTuple):
    """Columns of `risk.people.write_people`; persons in the order of the file."""

    keys: NDArray[np.uint64]
    fraud: NDArray[np.int64]
    device_risk: NDArray[np.int64]
    flags: NDArray[np.int64]
    lines: int
    bad: Bad


def score_persons(
    paths: Sequence[Path],
    engine: Engine,
    now_s: int,
    *,
    progress: Callable[[float], None] = lambda share: None,
) -> ScoredPersons:
    """Everybody's scores. A file has the column ``ids``, and as it likes ``ip``, ``user_agent`` and facts by their
    names (empty is not known). Raises Refused for a file without ``ids``, or with a column that is nothing of these.
    """
    bad = Bad()
    keys: list[int] = []
    told: list[tuple[int, int, int]] = []
    lines_read = 0
    for number, path in enumerate(paths):
        lines = Lines(path, ",", header=True, needed=(IDS,))
        for block in lines.blocks():
            facts = _fact_columns(path, block)
            for at, form in _forms(block):
                lines_read += 1
                try:
                    subject = read_subject(form, 0, "line")
                    own = {name: _number(name, text) for name, column in facts.items() if (text := column[at].strip())}
                    found = engine.assess(subject, WANTED, now_s, own)
                except (Refused, ValueError) as error:
                    lines.bad.add(block.numbers[at], str(error).replace("\n", "; "))
                    continue
                lists = {hit.list for hit in found.counting}
                flags = (BLACK_LISTED if "black" in lists else 0) | (GREY_LISTED if "grey" in lists else 0)
                row = (found.scores["fraud"].score, found.scores["device_risk"].score, flags)
                for one in subject.ids:
                    keys.append(one.key)
                    told.append(row)
            progress((number + lines.share) / len(paths))
        bad.count += lines.bad.count
        bad.first += [f"{path}: {each}" for each in lines.bad.first]
    columns = np.array(told, np.int64).reshape(len(keys), 3)
    return ScoredPersons(np.array(keys, np.uint64), columns[:, 0], columns[:, 1], columns[:, 2], lines_read, bad)


def _fact_columns(path: Path, block: Block) -> dict[str, Sequence[str]]:
    if unknown := [name for name in block.columns if name not in FACTS and name not in TOLD]:
        allowed = f"columns are {', '.join(TOLD)} and facts: {', '.join(FACTS)}"
        raise Refused([Problem(f"{path}: line 1", unknown[0], allowed)])
    return {name: column for name, column in block.columns.items() if name in FACTS}


def _forms(block: Block) -> Iterator[tuple[int, SubjectForm]]:
    nothing = ("",) * len(block)
    ips, agents = (block.columns.get(name, nothing) for name in TOLD[1:])
    for at, (ids, ip, agent) in enumerate(zip(block[IDS], ips, agents, strict=True)):
        yield at, SubjectForm(tuple(ids.split()), ip.strip(), agent)


def _number(name: str, text: str) -> float:
    try:
        return float(text) if text.lower() not in _FLAGS else _FLAGS[text.lower()]
    except ValueError:
        raise ValueError(f"{name}: {text[:40]!r} is not allowed; a number is") from None


_FLAGS = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, **BINARY}
