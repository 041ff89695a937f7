"""The bitset kernel against its twin: sets and `all`, item by item."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cython_ext.bitset import Bitsets
from tests.examples import examples

PLANES = ((0, True), (1, False), (1, False), (2, True), (3, False))
"""A dimension with two planes among them, and two of which a request has one value at most."""
DIMENSIONS = 4
VALUES = st.one_of(st.integers(0, 3), st.integers(0, 40), st.sampled_from([1 << 32, 1 << 63, (1 << 64) - 1]))
CLAUSES = st.dictionaries(st.integers(0, len(PLANES) - 1), st.lists(VALUES, max_size=4), max_size=len(PLANES))
ITEM = st.tuples(CLAUSES, CLAUSES)
FACTS = st.tuples(*(st.lists(VALUES, max_size=1 if d in (0, 2) else 4) for d in range(DIMENSIONS)))

ANYTHING: "Item" = ({}, {})

Item = tuple[dict[int, list[int]], dict[int, list[int]]]


def matches(item: Item, facts: tuple[list[int], ...]) -> bool:
    """The twin."""
    required, excluded = item
    return all(set(values) & set(facts[PLANES[p][0]]) for p, values in required.items()) and not any(
        set(values) & set(facts[PLANES[p][0]]) for p, values in excluded.items()
    )


@settings(max_examples=examples(300), deadline=None)
@given(
    pattern=st.lists(ITEM, max_size=30),
    repeats=st.sampled_from([1, 1, 3, 25, 120]),
    gap=st.sampled_from([0, 0, 36, 200, 3000]),
    requests=st.lists(FACTS, min_size=1, max_size=8),
)
def test_kernel_and_twin_agree(
    pattern: list[Item], repeats: int, gap: int, requests: list[tuple[list[int], ...]]
) -> None:
    """Repeated, the sets become dense; with gaps of items that match anything, they are sparse over many blocks."""
    items = [each for item in pattern * repeats for each in (item, *[ANYTHING] * (gap if repeats == 1 else 0))]
    sets = Bitsets(
        PLANES,
        [
            [(p, v, True) for p, v in required.items()] + [(p, v, False) for p, v in excluded.items()]
            for required, excluded in items
        ],
    )
    for facts in requests:
        verdicts = {id(item): matches(item, facts) for item in items}
        assert sets.matching(facts) == [i for i, item in enumerate(items) if verdicts[id(item)]]
