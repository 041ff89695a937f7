"""The published scores: of each, in a file of its name, what it is about and its card."""

from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
import yaml
from msgspec import Struct

from risk.cards import NAMES, Card, Cards, Curve, Scorecard, Steps, reason_text


class Published(Struct, frozen=True, forbid_unknown_fields=True):
    """A score's file."""

    title: str
    about: str
    calibration: str
    version: int
    kind: Literal["points", "probability"]
    facts: dict[str, Steps]
    base: float = 0.0
    curve: Curve | None = None

    def card(self) -> Card:
        return Card(self.version, self.kind, self.facts, self.base, self.curve)


class ScoreDefinition(Struct, frozen=True):
    """What a score is."""

    name: str
    title: str
    about: str
    """What it says."""
    kind: Literal["points", "probability"]
    inputs: tuple[str, ...]
    """Facts that it reads …"""
    rising: tuple[str, ...]
    """… of which it rises with these …"""
    falling: tuple[str, ...]
    """… and falls with these."""
    calibration: str
    reasons: dict[str, str]
    """Codes that it can give, in words."""
    version: int


@cache
def published(name: str) -> Published:
    """One score's file. Raises KeyError for a name that is none."""
    if name not in NAMES:
        raise KeyError(name)
    return msgspec.convert(yaml.safe_load((Path(__file__).with_name(f"{name}.yaml")).read_text()), Published)


@cache
def published_cards() -> Cards:
    """The cards that everybody has who has none of their own."""
    return Cards({name: Scorecard(published(name).card(), name) for name in NAMES})


def definition(name: str, card: Card | None = None) -> ScoreDefinition:
    """A score as it is published, or by a card of somebody's own."""
    told = published(name)
    used = card or told.card()
    return ScoreDefinition(
        name,
        told.title,
        told.about,
        used.kind,
        tuple(used.facts),
        tuple(fact for fact, steps in used.facts.items() if steps.rising),
        tuple(fact for fact, steps in used.facts.items() if steps.falling),
        _calibration(card) if card is not None and card.learned else told.calibration,
        {code: reason_text(code) for code in Scorecard(used, name).reasons()},
        used.version,
    )


def _calibration(card: Card) -> str:
    """Of a card that was learnt."""
    told = ", ".join(f"{name} {value}" for name, value in card.learned.items())
    return f"Learnt and calibrated here ({told})."
