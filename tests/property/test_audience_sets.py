"""Audiences made of others and suppressed lists, as the bidder compiles them, against their words taken literally."""

import random
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bidder.leases import Leases
from bidder.view import View
from campaigns.audience_terms import set_of
from domain.campaign import Audience, Campaign, LineItem, Snapshot
from domain.naming import name_id
from targeting.audience_algebra import (
    OTHER,
    UNREAD,
    Definitions,
    belongs,
    circle,
    clear_of,
    definitions_of,
    depth,
    reached,
    resolved,
)
from targeting.dimensions import Dimension
from targeting.expression import Ill, published
from tests.auction_table import snapshot
from tests.targeting_twin import holds

LISTS = range(1, 7)
SETS = range(11, 15)
CAMPAIGNS = 12
Form = dict[str, list[Any]]


def form(draw: random.Random, known: list[int], levels: int = 2) -> Form:
    def some(most: int) -> list[Any]:
        picked: list[Any] = draw.sample(known, draw.randint(1, most))
        if levels and draw.random() < 0.3:
            picked.append(form(draw, known, levels - 1))
        return picked

    kinds = draw.choice((["any"], ["all"], ["any", "not"], ["all", "not"], ["any", "all"]))
    return {kind: some(3 if kind == "any" else 2) for kind in kinds}


def is_in(one: int | Form, member_of: set[int], forms: dict[int, Form]) -> bool:
    """By the words."""
    if isinstance(one, int):
        return is_in(forms[one], member_of, forms) if one in forms else one in member_of
    return (
        all(is_in(part, member_of, forms) for part in one.get("all", ()))
        and ("any" not in one or any(is_in(part, member_of, forms) for part in one["any"]))
        and not any(is_in(part, member_of, forms) for part in one.get("not", ()))
    )


def world(draw: random.Random) -> tuple[Snapshot, dict[int, Form], list[dict[str, Any]]]:
    """A snapshot with sets of lists, of sets too; a line item a campaign, and how its targeting was written."""
    forms: dict[int, Form] = {}
    for id_ in SETS:
        forms[id_] = form(draw, [*LISTS, *forms])
    check = set_of(int)
    audiences = [Audience(id_, f"l{id_}", 1, "List", 0) for id_ in LISTS]
    audiences += [Audience(id_, f"s{id_}", 1, "Set", 0, of=check(forms[id_])) for id_ in SETS]
    definitions, everything = definitions_of(audiences), [*LISTS, *SETS]
    base = snapshot()
    items: list[LineItem] = []
    written: list[dict[str, Any]] = []
    while len(items) < CAMPAIGNS:
        wanted: dict[str, Any] = {"audience": draw.sample(everything, draw.randint(1, 3))}
        kind = draw.random()
        if kind < 0.3:
            wanted = {"not": wanted}
        elif kind < 0.6:
            wanted = {
                "any": [wanted, {"all": [{"country": ["usa"]}, {"not": {"audience": draw.sample(everything, 2)}}]}]
            }
        elif kind < 0.8:
            wanted = {"country": ["usa"]}
        number = len(items) + 1
        try:
            targeting = published(in_words(wanted))
            items.append(
                resolved(LineItem(number, f"i{number}", number, "Item", 1_000_000, targeting, (101,)), definitions)
            )
            written.append(wanted)
        except Ill:
            continue  # it contradicts itself, or comes out too large
    owner = replace(base.advertisers[0], suppress=suppressed(draw, everything, (), definitions))
    campaigns = [
        Campaign(n, f"c{n}", 1, "C", 0, 2**62, suppress=suppressed(draw, everything, owner.suppress, definitions))
        for n in range(1, CAMPAIGNS + 1)
    ]
    made = replace(
        base,
        advertisers=(owner, *base.advertisers[1:]),
        campaigns=tuple(campaigns),
        line_items=tuple(items),
        audiences=tuple(audiences),
    )
    return made, forms, written


def suppressed(
    draw: random.Random, known: list[int], beside: tuple[int, ...], definitions: Definitions
) -> tuple[int, ...]:
    """Such as an import takes."""
    while True:
        found = tuple(draw.sample(known, draw.choice((0, 0, 1, 2))))
        try:
            if clear_of((*beside, *found), definitions):
                return found
        except Ill:
            continue


def in_words(wanted: dict[str, Any]) -> dict[str, Any]:
    """Numbers as a snapshot has them."""
    if "audience" in wanted:
        return {"audience": [str(id_) for id_ in wanted["audience"]]}
    return {
        name: [in_words(each) if isinstance(each, dict) else each for each in value]
        if isinstance(value, list)
        else in_words(value)
        for name, value in wanted.items()
    }


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_targeting_by_sets_and_suppression_mean_what_they_say(seed: int) -> None:
    draw = random.Random(seed)
    made, forms, written = world(draw)
    definitions = definitions_of(made.audiences)
    view = View(made, Leases())
    for _ in range(40):
        member_of = set(draw.sample(list(LISTS), draw.randint(0, 5)))
        others = set(draw.sample(list(LISTS), draw.choice((0, 0, 0, 1, 3))))
        late, country = draw.random() < 0.1, draw.choice(("usa", "can"))
        if late:
            member_of = set()
        words = {"country": [country], "audience": [id_ for id_ in (*LISTS, *SETS) if is_in(id_, member_of, forms)]}
        assert words["audience"] == [id_ for id_ in (*LISTS, *SETS) if belongs(id_, member_of, definitions)]
        told = [*member_of, *(id_ | OTHER for id_ in others), *([UNREAD] if late else [])]
        facts = {Dimension.COUNTRY: [name_id(country)], Dimension.AUDIENCE: told, Dimension.EXCHANGE: [1]}
        selected = {view.line_items[place].id for place in view.index.select(facts)}
        for campaign, wanted in zip(made.campaigns, written, strict=True):
            lists = {*campaign.suppress, *made.advertisers[0].suppress}
            stopped = bool(lists) if late else any(is_in(one, member_of | others, forms) for one in lists)
            meant = holds(wanted, words)
            assert (campaign.id in selected) is (meant and not stopped), (wanted, lists, member_of, late)
            why = view.why_suppressed(view.places[campaign.id], told)
            assert (why is not None) is stopped


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_circles_are_found_and_depth_is_counted(seed: int) -> None:
    """Against a walk that follows every name for more steps than there are sets."""
    draw = random.Random(seed)
    check = set_of(int)
    of = {id_: form(draw, [*LISTS, *SETS], 1) for id_ in SETS}
    definitions = {id_: check(form_) for id_, form_ in of.items()}

    def names(one: Any) -> set[int]:
        return (
            {one}
            if isinstance(one, int)
            else {name for parts in one.values() for part in parts for name in names(part)}
        )

    def levels(one: Any) -> int:
        if isinstance(one, int):
            return levels(of[one]) if one in of else 0
        return 1 + max(levels(part) for parts in one.values() for part in parts)

    below = {id_: names(form_) for id_, form_ in of.items()}
    for _ in SETS:
        below = {id_: found.union(*(below[name] for name in found if name in of)) for id_, found in below.items()}
    for id_ in SETS:
        way = circle(id_, definitions)
        assert bool(way) is (id_ in below[id_])
        if way:
            assert way[0] == way[-1] == id_ and all(b in names(of[a]) for a, b in pairwise(way))
        elif not any(name in below[name] for name in below[id_] if name in of):
            assert depth(id_, definitions) == levels(id_)
            assert reached([id_], definitions) <= below[id_] | {id_}
