"""The six scores by name, and scoring by the published cards. Institutions may have their own: `risk.card_files`."""

from collections.abc import Collection, Iterator, Mapping
from functools import cache

from risk.cards import MOST, NAMES, Cards, Scored
from risk.inputs import Inputs
from risk.published import ScoreDefinition, definition, published_cards

__all__ = ["MOST", "NAMES", "SCORES", "Cards", "Inputs", "ScoreDefinition", "Scored", "assess"]


class _Definitions(Mapping[str, ScoreDefinition]):
    """Read when they are asked for: importing this reads no file."""

    def __getitem__(self, name: str) -> ScoreDefinition:
        return _definition(name)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


@cache
def _definition(name: str) -> ScoreDefinition:
    return definition(name)


SCORES: Mapping[str, ScoreDefinition] = _Definitions()


def assess(inputs: Inputs, wanted: Collection[str] = NAMES) -> dict[str, Scored]:
    """Those scores. Raises Refused for a name that is none of `NAMES`."""
    return published_cards().assess(inputs, wanted)
