"""Cards of one's own: a file for everybody, and one for each institution that wants other parameters.

``cards/all.yaml`` below the service's directory stands before the published cards, ``cards/NAME.yaml`` before both for
the institution NAME. A file has the scores that it changes, each whole::

    scores:
      multi_lender:
        version: 1001
        kind: points
        facts:
          lenders_30d: {rising: [[0, 0], [3, 200], [6, 700]]}
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from domain.errors import Problem, Refused
from domain.file_stamp import Stamp, stamp_of
from domain.naming import name_id
from domain.whole_file import write_whole
from risk.cards import NAMES, OWN_VERSIONS, Card, Cards, Scorecard
from risk.published import published_cards

FOLDER = "cards"
ALL = "all"
LARGEST = 1 << 20
"""Bytes of a file."""


def read_cards(path: Path) -> dict[str, Scorecard]:
    """The scores of a file. Raises Refused, with what is wrong, where."""
    try:
        if path.stat().st_size > LARGEST:
            raise Refused([Problem(str(path), path.stat().st_size, f"{LARGEST} bytes at most are")])
        told = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise Refused([Problem("cards", str(path), f"it must be a text file that can be read ({error})")]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Refused([Problem("cards", str(path), f"it must be YAML or JSON ({error})")]) from None
    return cards_of(told, str(path))


def cards_of(told: Any, path: str = "cards") -> dict[str, Scorecard]:
    """The scores of what a file has. Raises Refused."""
    scores = told.get("scores") if isinstance(told, dict) else None
    if not isinstance(scores, dict) or not scores or set(told) != {"scores"}:
        raise Refused([Problem(path, told, "it must have `scores`, and there cards by the names of scores")])
    problems: list[Problem] = []
    found = {}
    for name, form in scores.items():
        where = f"{path}: scores.{name}"
        if name not in NAMES:
            problems.append(Problem(where, name, f"one of {', '.join(NAMES)} is"))
            continue
        try:
            card = msgspec.convert(form, Card)
            if card.version < OWN_VERSIONS:
                allowed = f"{OWN_VERSIONS} and above are: lower ones are of published cards"
                raise Refused([Problem(f"{where}.version", card.version, allowed)])
            found[name] = Scorecard(card, where)
        except msgspec.ValidationError as error:
            problems.append(Problem(where, form, str(error)))
        except Refused as refused:
            problems += refused.problems
    if problems:
        raise Refused(problems)
    return found


def write_cards(path: Path, cards: Mapping[str, Card]) -> None:
    """Writes a file whole or not at all. Raises OSError."""
    told = {"scores": {name: _form(card) for name, card in cards.items()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(told, sort_keys=False, default_flow_style=None, width=120)
    write_whole(path, text.encode())


def _form(card: Card) -> dict[str, Any]:
    """As it is written: without what is nothing, and lists for tuples, which YAML has no word for."""
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(card))
    told["facts"] = {
        name: {word: what for word, what in steps.items() if what} for name, steps in told["facts"].items()
    }
    return told


class Shelf:
    """The cards of a directory, by institution; `refresh` takes up files that have changed.

    A file that is refused changes nothing: what was read before stays, or the published cards, and ``refused`` is told.
    """

    def __init__(self, directory: Path, refused: Callable[[Path, str], None] = lambda path, why: None) -> None:
        self.directory, self._refused = directory / FOLDER, refused
        self._seen: dict[Path, Stamp] = {}
        self._own: dict[str, dict[str, Scorecard]] = {}
        self._cards: dict[int, Cards] = {}
        self._everybody = published_cards()
        self.refresh()

    def of(self, institution: int = 0) -> Cards:
        """The cards by which an institution (`domain.naming.name_id`) is answered; 0: everybody."""
        return self._cards.get(institution, self._everybody)

    def refresh(self) -> bool:
        """Looks at the files. Did any change?"""
        seen = {path: stamp for path in self._files() if (stamp := stamp_of(path))}
        if seen == self._seen:
            return False
        own = {}
        for path, mark in seen.items():
            name = path.stem
            if self._seen.get(path) == mark and name in self._own:
                own[name] = self._own[name]
                continue
            try:
                own[name] = read_cards(path)
            except Refused as refused:
                self._refused(path, str(refused))
                if name in self._own:
                    own[name] = self._own[name]
        self._seen, self._own = seen, own
        self._everybody = published_cards().with_own(own.get(ALL, {}))
        self._cards = {name_id(name): self._everybody.with_own(cards) for name, cards in own.items() if name != ALL}
        return True

    def _files(self) -> list[Path]:
        try:
            return sorted(path for path in self.directory.iterdir() if path.suffix == ".yaml")
        except FileNotFoundError:
            return []
