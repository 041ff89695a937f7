"""The targeting index against a twin that compares words, not ids; and the reasons it gives against both."""

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.campaign import LineItem, Targeting
from targeting.dimensions import NUMERIC, Dimension, value_id
from targeting.index import TargetingIndex, mismatch

WORDS = {d: ["1", "2", "77", "1000"] if d in NUMERIC else ["usa", "can", "mex", "a.example"] for d in Dimension}
Side = dict[str, tuple[str, ...]]


def sides(least: int) -> st.SearchStrategy[dict[Dimension, tuple[str, ...]]]:
    return st.lists(st.sampled_from(list(Dimension)), max_size=4, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries(
            {d: st.lists(st.sampled_from(WORDS[d]), min_size=least, max_size=3, unique=True).map(tuple) for d in chosen}
        )
    )


NAMED = sides(1).map(lambda side: {d.name.lower(): values for d, values in side.items()})
LINE_ITEMS = st.builds(
    lambda all_of, none_of: LineItem(1, "key", 1, "Name", 1_000, Targeting(all_of, none_of), (1,)), NAMED, NAMED
)
REQUESTS = st.fixed_dictionaries({d: st.lists(st.sampled_from(WORDS[d]), max_size=3) for d in Dimension})


def wanted(targeting: Targeting, request: dict[Dimension, list[str]]) -> bool:
    """The twin."""

    def hit(side: Side, name: str) -> bool:
        return any(word in side[name] for word in request[Dimension[name.upper()]])

    return all(hit(targeting.all_of, name) for name in targeting.all_of) and not any(
        hit(targeting.none_of, name) for name in targeting.none_of
    )


@settings(max_examples=150, deadline=None)
@given(line_items=st.lists(LINE_ITEMS, max_size=25), requests=st.lists(REQUESTS, min_size=1, max_size=6))
def test_index_twin_and_reasons_agree(line_items: list[LineItem], requests: list[dict[Dimension, list[str]]]) -> None:
    index = TargetingIndex(line_items)
    for request in requests:
        facts = {d: [value_id(d, word) for word in words] for d, words in request.items()}
        expected = [i for i, item in enumerate(line_items) if wanted(item.targeting, request)]
        assert index.select(facts) == expected
        assert sum(index.removals(facts).values()) == len(line_items) - len(expected)
        assert [i for i, item in enumerate(line_items) if mismatch(item, facts) is None] == expected
