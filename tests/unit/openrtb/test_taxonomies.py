"""Categories across taxonomies, against the published tables."""

import pytest

from openrtb.taxonomies import CODES, FAMILIES, _tables, judge, tree, with_ancestors

BANKING = "1337"
FINANCE = "1335"


@pytest.mark.parametrize(
    ("taxonomy", "count"), [(2, 1179), (3, 862), (5, 1179), (6, 1196), (7, 703), (8, 583), (9, 704)]
)
def test_the_trees_are_whole(taxonomy: int, count: int) -> None:
    parents = tree(taxonomy)
    assert len(parents) == count  # rows of the published tables, the id that Ad Product 1.0 gives twice once
    assert all(parent == "" or parent in parents for parent in parents.values())
    assert all(category in with_ancestors(category, taxonomy) for category in parents)
    assert max(len(with_ancestors(category, taxonomy)) for category in parents) <= 5  # tiers


def test_mappings_lead_from_and_to_what_there_is() -> None:
    for name, mapping in _tables()["maps"].items():
        source, target = (int(code) for code in name.split(">"))
        assert len(mapping) > 350
        for one, other in mapping.items():
            assert source == 1 or one in tree(source)
            assert other.startswith("IAB") if target == 1 else other in tree(target)


@pytest.mark.parametrize("taxonomy", sorted(CODES.values()))
def test_blocking_a_category_blocks_all_below_it_and_nothing_else(taxonomy: int) -> None:
    parents = tree(taxonomy)
    for category in list(parents)[::17]:
        judged = judge({1: ("IAB24",), taxonomy: (category,)}, taxonomy)
        assert judged is not None
        above, at = {category}, category
        while parents[at]:
            at = parents[at]
            above.add(at)
        assert judged.blocked_by == above | {"IAB24"}
        assert judged.allowed_by == (frozenset(above),)


def test_versions_of_a_family_agree_on_what_they_share() -> None:
    for family in FAMILIES:
        for one in family:
            for other in family:
                assert tree(one).keys() <= tree(other).keys() or tree(other).keys() <= tree(one).keys()


def test_what_is_known_of_an_advertiser() -> None:
    plain = {1: ("IAB13-2",)}
    assert judge(plain, 1) == (frozenset({"IAB13-2", "IAB13"}), (frozenset({"IAB13-2", "IAB13"}),))
    mapped = judge(plain, 8)
    assert mapped is not None and FINANCE in mapped.blocked_by and BANKING not in mapped.blocked_by
    declared = judge(plain | {8: (BANKING,)}, 8)
    assert declared is not None and declared.allowed_by == (frozenset({BANKING, FINANCE}),)
    assert declared.blocked_by == {BANKING, FINANCE, "IAB13-2", "IAB13"}


@pytest.mark.parametrize("taxonomy", [3, 4, 7, 9, 0, -1, 10, 500])
def test_where_no_mapping_leads_nothing_is_said(taxonomy: int) -> None:
    assert judge({1: ("IAB13-2",)}, taxonomy) is None


def test_one_category_without_a_mapping_leaves_all_unsaid() -> None:
    assert judge({1: ("IAB13-2",)}, 2) is not None
    assert judge({1: ("IAB13-2", "IAB24")}, 2) is None  # "uncategorized" has no equivalent
