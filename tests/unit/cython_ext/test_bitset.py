"""The bitset kernel's contract with its callers; that it selects rightly is proven in tests/property."""

import pytest

from cython_ext.bitset import Bitsets


def test_an_item_without_clauses_matches_whatever_the_facts() -> None:
    sets = Bitsets(3, 2, [], [])
    assert sets.matching([[], []]) == [0, 1, 2]
    assert sets.matching([[7], [8, 9]]) == [0, 1, 2]
    assert sets.removals([[7], [8, 9]]) == [0, 0]


def test_no_items_no_matches() -> None:
    sets = Bitsets(0, 2, [], [])
    assert sets.n_words == 0
    assert sets.matching([[1], []]) == []


def test_results_are_whole_cache_lines_without_stray_bits() -> None:
    for n in (1, 63, 64, 65, 511, 512, 513):
        sets = Bitsets(n, 1, [], [])
        assert sets.n_words == (n + 511) // 512 * 8
        assert sets.matching([[]]) == list(range(n))


def test_a_requirement_of_nothing_is_never_met() -> None:
    assert Bitsets(2, 1, [(0, 0, [])], []).matching([[1]]) == [1]


def test_exclusion_beats_requirement() -> None:
    sets = Bitsets(1, 1, [(0, 0, [1, 2])], [(0, 0, [2])])
    assert sets.matching([[1]]) == [0]
    assert sets.matching([[1, 2]]) == []


def test_values_use_all_64_bits() -> None:
    top = (1 << 64) - 1
    sets = Bitsets(2, 1, [(0, 0, [top]), (1, 0, [top - 1])], [])
    assert sets.matching([[top]]) == [0]
    assert sets.matching([[top - 1]]) == [1]
    assert sets.matching([[0]]) == []


def test_removals_follow_the_order_of_dimensions() -> None:
    sets = Bitsets(4, 3, [(0, 0, [1]), (0, 2, [9]), (1, 2, [9])], [(2, 1, [5])])
    assert sets.removals([[2], [5], [8]]) == [1, 1, 1]
    assert sets.matching([[2], [5], [8]]) == [3]


def test_many_values_of_one_item_each_stay_small() -> None:
    n = 20_000
    sets = Bitsets(n, 1, [(i, 0, range(i * 5, i * 5 + 5)) for i in range(n)], [])
    assert sets.size_bytes() < 100 * 5 * n, "a bitmap a value would take 2,500 bytes for each of the 100,000"
    assert sets.matching([[12_345 * 5 + 3, 5]]) == [1, 12_345]


@pytest.mark.parametrize(
    ("requires", "message"),
    [
        ([(3, 0, [1])], "item 3 is not one of the 3"),
        ([(-1, 0, [1])], "item -1 is not one of the 3"),
        ([(0, 2, [1])], "dimension 2 is not one of the 2"),
        ([(0, 1, [1]), (0, 1, [2])], "item 0 requires values of dimension 1 twice"),
    ],
)
def test_wrong_clauses_are_refused(requires: list[tuple[int, int, list[int]]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Bitsets(3, 2, requires, [])


def test_facts_must_cover_every_dimension() -> None:
    with pytest.raises(ValueError, match="facts of 1 dimensions; there are 2"):
        Bitsets(3, 2, [], []).matching([[1]])
