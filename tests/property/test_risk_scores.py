"""The six scores: bounded, monotone in every fact as their definitions say, and what a plain reading of a card has."""

from math import log2
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.cards import MOST, NAMES, Card, Curve, Scorecard, Steps
from risk.inputs import FACTS, Inputs
from risk.published import published
from risk.scores import SCORES, assess
from tests.examples import examples

EDGES = {
    name: sorted(
        {0.0, min(fact.most, 1e6)}
        | {start for score in NAMES for start, _ in getattr(published(score).facts.get(name), "steps", ())}
    )
    for name, fact in FACTS.items()
}
"""Where the published cards have steps."""


def value(rng: Random, name: str) -> float:
    """A value of a fact: at a step, just below one, or anywhere."""
    edge = rng.choice(EDGES[name])
    return rng.choice((edge, max(0.0, edge - 1e-6), rng.uniform(0, EDGES[name][-1])))


def facts_of(rng: Random) -> dict[str, Any]:
    return {name: None if rng.random() < 0.3 else value(rng, name) for name in FACTS}


SEEDS = st.integers(0, 2**32).map(Random)


@st.composite
def cards(draw: st.DrawFn) -> Card:
    """Any card that is allowed."""
    points = draw(st.booleans())
    names = draw(st.lists(st.sampled_from(sorted(FACTS)), min_size=1, max_size=6, unique=True))
    facts = {}
    for name in names:
        most = MOST / len(names) if points else 0.9999
        starts = sorted(draw(st.sets(st.floats(1e-3, min(FACTS[name].most, 1e6)), max_size=4)))
        amounts = sorted(draw(st.lists(st.floats(0, most), min_size=len(starts), max_size=len(starts))))
        missing = draw(st.floats(0, most))
        if draw(st.booleans()):
            facts[name] = Steps(rising=tuple(zip([0.0, *starts], [0.0, *amounts], strict=True)), missing=missing)
        else:
            facts[name] = Steps((), tuple(zip([0.0, *starts], [*amounts[::-1], 0.0], strict=True)), missing)
    calibration = None
    if draw(st.booleans()):
        x = sorted(draw(st.sets(st.floats(-20, 20), min_size=1, max_size=5)))
        y = sorted(draw(st.lists(st.floats(-20, 20), min_size=len(x), max_size=len(x))))
        slopes = draw(st.tuples(st.floats(0, 3), st.floats(0, 3)))
        calibration = Curve(tuple(x), tuple(y), *slopes)
    base = 0.0 if points else draw(st.floats(1e-4, 0.5))
    return Card(draw(st.integers(1, 9)), "points" if points else "probability", facts, base, calibration)


def twin(card: Card, facts: dict[str, Any]) -> tuple[float, list[float]]:
    """What the definition says: points or probability before any calibration, and how much each fact adds."""
    added = []
    for name, steps in card.facts.items():
        value = facts[name]
        if value is None:
            added.append(steps.missing)
        else:
            added.append([much for start, much in steps.steps if start <= value][-1])
    if card.kind == "points":
        return sum(added), added
    innocent = 1 - card.base
    for share in added:
        innocent *= 1 - share
    return 1 - innocent, added


@settings(max_examples=examples(60), deadline=None)
@given(cards(), SEEDS)
def test_a_score_is_what_its_card_says(card: Card, rng: Random) -> None:
    facts = facts_of(rng)
    scored = Scorecard(card).score(msgspec.structs.astuple(Inputs(**facts)))
    raw, added = twin(card, facts)
    assert 0 <= scored.score <= MOST
    if card.kind == "points":
        assert abs(scored.score - raw) <= 0.5 + 1e-6
        assert (scored.probability is None) == (card.calibration is None)
    elif card.calibration is None and raw < 1 - 1e-9:
        assert scored.probability is not None
        assert abs(scored.probability - raw) < 1e-9
        assert abs(scored.score - min(max(500 + 50 * log2(raw / (1 - raw)), 0), MOST)) <= 0.5 + 1e-5
    assert scored.probability is None or 0 <= scored.probability <= 1
    told = {code.removesuffix("_high").removesuffix("_low").removesuffix("_unknown") for code in scored.reasons}
    strongest = sorted((much for much in added if much), reverse=True)[:4]
    assert len(scored.reasons) == len(strongest)
    by_name = dict(zip(card.facts, added, strict=True))
    assert sorted((by_name[name.removeprefix("not_")] for name in told), reverse=True) == strongest
    assert set(scored.reasons) <= set(Scorecard(card).reasons())


@settings(max_examples=examples(60), deadline=None)
@given(cards(), SEEDS)
def test_no_card_can_be_other_than_monotone(card: Card, rng: Random) -> None:
    scorecard, facts = Scorecard(card), facts_of(rng)
    for name, steps in card.facts.items():
        low, high = sorted((value(rng, name), value(rng, name)))
        before, after = (
            scorecard.score(msgspec.structs.astuple(Inputs(**{**facts, name: each}))) for each in (low, high)
        )
        if not steps.rising:
            before, after = after, before
        assert before.score <= after.score
        assert (before.probability or 0) <= (after.probability or 0)


@settings(max_examples=examples(60), deadline=None)
@given(SEEDS)
def test_published_scores_are_monotone_as_they_say(rng: Random) -> None:
    facts = facts_of(rng)
    for name, definition in SCORES.items():
        fact = rng.choice(definition.inputs)
        low, high = sorted((value(rng, fact), value(rng, fact)))
        if fact in definition.falling:
            low, high = high, low
        else:
            assert fact in definition.rising
        before = assess(Inputs(**{**facts, fact: low}), (name,))[name]
        after = assess(Inputs(**{**facts, fact: high}), (name,))[name]
        assert 0 <= before.score <= after.score <= MOST
        assert set(after.reasons) <= set(definition.reasons)
