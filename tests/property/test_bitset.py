"""The bitset kernel against its twin: sets and `all`, item by item."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cython_ext.bitset import Bitsets

DIMENSIONS = 4
VALUES = st.one_of(st.integers(0, 3), st.integers(0, 40), st.sampled_from([1 << 32, 1 << 63, (1 << 64) - 1]))
CLAUSES = st.dictionaries(st.integers(0, DIMENSIONS - 1), st.lists(VALUES, max_size=4), max_size=DIMENSIONS)
ITEM = st.tuples(CLAUSES, CLAUSES)
FACTS = st.lists(st.lists(VALUES, max_size=4), min_size=DIMENSIONS, max_size=DIMENSIONS)

ANYTHING: "Item" = ({}, {})

Item = tuple[dict[int, list[int]], dict[int, list[int]]]


def matches(item: Item, facts: list[list[int]], dimensions: int) -> bool:
    """The twin: only the first ``dimensions`` dimensions count, so that it also says what each one removes."""
    required, excluded = item
    return all(set(values) & set(facts[d]) for d, values in required.items() if d < dimensions) and not any(
        set(values) & set(facts[d]) for d, values in excluded.items() if d < dimensions
    )


@settings(max_examples=200, deadline=None)
@given(
    pattern=st.lists(ITEM, max_size=30),
    repeats=st.sampled_from([1, 1, 3, 25]),
    gap=st.sampled_from([0, 0, 36, 200]),
    requests=st.lists(FACTS, min_size=1, max_size=8),
)
def test_kernel_and_twin_agree(pattern: list[Item], repeats: int, gap: int, requests: list[list[list[int]]]) -> None:
    """Repeated, the sets become dense; with gaps of items that match anything, they are sparse over many words."""
    items = [each for item in pattern * repeats for each in (item, *[ANYTHING] * (gap if repeats == 1 else 0))]
    sets = Bitsets(
        len(items),
        DIMENSIONS,
        [(i, d, values) for i, (required, _) in enumerate(items) for d, values in required.items()],
        [(i, d, values) for i, (_, excluded) in enumerate(items) for d, values in excluded.items()],
    )
    for facts in requests:
        left = [sum(matches(item, facts, d) for item in items) for d in range(DIMENSIONS + 1)]
        assert sets.matching(facts) == [i for i, item in enumerate(items) if matches(item, facts, DIMENSIONS)]
        assert sets.removals(facts) == [before - after for before, after in pairwise(left)]
