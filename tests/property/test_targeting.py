"""The targeting index against a twin that evaluates expressions as they are written; and the reasons it gives against
both."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.rig import targeting_world
from domain.campaign import LineItem, Targeting
from targeting.dimensions import SETS, Dimension, value_id
from targeting.expression import Ill, published
from targeting.index import Facts, TargetingIndex, mismatch
from tests import targeting_twin as twin
from tests.examples import examples

EXPRESSIONS, REQUESTS, RUNS = 60, 8, 40
"""At least 19,200 pairs a run."""


def facts_of(request: twin.Request) -> Facts:
    return {
        d: [value_id(d, word) for word in request[d.name.lower()]]
        for d in list(Dimension)[:SETS]
        if d.name.lower() in request
    }


def line_item(targeting: Targeting) -> LineItem:
    return LineItem(1, "key", 1, "Name", 1_000, targeting, (1,))


def part_at(form: Any, path: str) -> Any:
    """What stands at ``.all[0].not``."""
    for step in path.replace("[", ".[").split(".")[1:]:
        form = form[int(step[1:-1])] if step.startswith("[") else form[step]
    return form


def always(form: Any, operator: str, request: twin.Request) -> bool:
    return twin.holds({operator: form} if operator else form, request)


@settings(max_examples=examples(RUNS), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_index_twin_and_reasons_agree(seed: int) -> None:
    draw = random.Random(seed)
    wanted: list[tuple[twin.Form, Targeting]] = []
    refused: list[tuple[Any, str, bool]] = []
    while len(wanted) < EXPRESSIONS:
        form = twin.expression(draw)
        try:
            wanted.append((form, published(form)))
        except Ill as ill:
            ((path, value, why),) = ill.faults
            if "alternatives" not in why:
                operator = next((name for name in ("all", "any") if path.endswith(f".{name}")), "")
                assert part_at(form, path) == value
                refused.append((value, operator, "contradicts" not in why))
    items = [line_item(targeting) for _, targeting in wanted]
    index = TargetingIndex(items)
    for _ in range(REQUESTS):
        request = twin.request(draw)
        facts, measures = facts_of(request), twin.measures(request)
        expected = [i for i, (form, _) in enumerate(wanted) if twin.holds(form, request)]
        assert index.select(facts, measures) == expected
        assert [i for i, item in enumerate(items) if mismatch(item, facts, measures) is None] == expected
        for part, operator, verdict in refused:
            assert always(part, operator, request) is verdict, (part, verdict)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_changed_index_is_one_that_was_compiled_anew(seed: int) -> None:
    """Line items go and come, several times; some of those that came go again."""
    draw = random.Random(seed)

    def some(count: int) -> list[LineItem]:
        made: list[LineItem] = []
        while len(made) < count:
            try:
                made.append(line_item(published(twin.expression(draw))))
            except Ill:
                continue
        return made

    held = dict(enumerate(some(30)))
    index, places = TargetingIndex(list(held.values())), 30
    for _ in range(draw.randint(1, 4)):
        gone = draw.sample(sorted(held), draw.randint(0, min(5, len(held))))
        added = some(draw.randint(0, 4))
        before = index
        index = index.changed(gone, added)
        for place in gone:
            del held[place]
        held |= dict(enumerate(added, places))
        places += len(added)
        request = twin.request(draw)
        facts, measures = facts_of(request), twin.measures(request)
        anew = TargetingIndex(list(held.values())).select(facts, measures)
        assert index.select(facts, measures) == [sorted(held)[n] for n in anew]
        assert before.matcher.n_lines <= places


@pytest.mark.parametrize("world", targeting_world.WORLDS)
def test_the_public_worlds_agree_with_the_twin(world: str) -> None:
    """Many line items over many blocks, as in bench/targeting.py."""
    draw, forms = random.Random(7), []
    while len(forms) < 4_000:
        form = targeting_world.expression(draw, world)
        try:
            forms.append((form, published(form)))
        except Ill:
            continue
    index = TargetingIndex([line_item(targeting) for _, targeting in forms])
    for _ in range(12):
        words = targeting_world.request(draw, world)
        seen = {
            name: [v for value in values for v in (value, *value_parents(name, value))]
            for name, values in words.items()
        }
        found = index.matcher.matching(targeting_world.facts(words), twin.measures({}))
        assert found == [i for i, (form, _) in enumerate(forms) if twin.holds(form, seen)]
        assert found


def value_parents(name: str, value: str) -> list[str]:
    return [value.split("-")[0]] if name == "category" else []
