"""The bitset kernel's contract with its callers; that it selects rightly is proven in tests/property."""

import pytest

from cython_ext.bitset import Bitsets

ONE = [(0, False)]


def test_an_item_without_clauses_matches_whatever_the_facts() -> None:
    sets = Bitsets([(0, True), (1, False)], [(), (), ()])
    assert sets.matching([[], []]) == [0, 1, 2]
    assert sets.matching([[7], [8, 9]]) == [0, 1, 2]


def test_no_items_no_matches() -> None:
    sets = Bitsets(ONE, [])
    assert sets.n_blocks == 0
    assert sets.matching([[1]]) == []


def test_results_have_no_stray_bits() -> None:
    for n in (1, 63, 64, 65, 511, 512, 513, 32_768, 32_769):
        sets = Bitsets(ONE, [()] * n)
        assert sets.n_blocks == (n + 511) // 512
        assert sets.matching([[]]) == list(range(n))


def test_a_requirement_of_nothing_is_never_met() -> None:
    assert Bitsets(ONE, [[(0, [], True)], ()]).matching([[1]]) == [1]


@pytest.mark.parametrize("single", [True, False])
def test_exclusion_beats_requirement(single: bool) -> None:
    sets = Bitsets([(0, single)], [[(0, [1, 2], True), (0, [2], False)]] * 300)
    assert sets.matching([[1]]) == list(range(300))
    assert sets.matching([[2]]) == []


def test_of_a_single_valued_plane_the_first_fact_counts() -> None:
    sets = Bitsets([(0, True)], [[(0, [1], True)], [(0, [2], True)]])
    assert sets.matching([[1, 2]]) == [0]


def test_values_use_all_64_bits() -> None:
    top = (1 << 64) - 1
    sets = Bitsets(ONE, [[(0, [top], True)], [(0, [top - 1], True)]])
    assert sets.matching([[top]]) == [0]
    assert sets.matching([[top - 1]]) == [1]
    assert sets.matching([[0]]) == []


def test_two_planes_of_a_dimension_are_met_separately() -> None:
    sets = Bitsets([(0, False), (0, False)], [[(0, [1, 2], True), (1, [3, 4], True)]])
    assert sets.matching([[1, 4]]) == [0]
    assert sets.matching([[1, 2]]) == []


def test_what_was_asked_before_leaves_no_trace() -> None:
    """Sparse lists are spread over rows that later requests use again."""
    items = [[(0, [n], True)] for n in range(5_000)]
    sets = Bitsets(ONE, items)
    for n in (0, 4_999, 17, 512, 511):
        assert sets.matching([[n]]) == [n]
        assert sets.matching([[n, n + 1]]) == [m for m in (n, n + 1) if m < 5_000]
        assert sets.matching([[]]) == []


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([[(0, [1], True), (0, [2], True)]], "item 0 requires values of plane 0 twice"),
        ([(), [(1, [1], True)]], "item 1 has a clause for plane 1, of 1"),
        ([[(-1, [1], False)]], "plane -1"),
    ],
)
def test_what_cannot_be_built_is_refused(items: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Bitsets(ONE, items)


def test_facts_of_too_few_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="facts of 1 dimensions; a plane looks at 1"):
        Bitsets([(1, False)], [()]).matching([[]])


def test_values_of_few_items_cost_bytes_not_bitmaps() -> None:
    """A hundred thousand values of one item each: a bitmap each would be more than a gigabyte."""
    sets = Bitsets(ONE, ([(0, [n], True)] for n in range(100_000)))
    assert sets.size_bytes() < 12_000_000
