"""Audiences that are made of others, and lists that always win: both rewritten into targeting before it is compiled.

An audience that is defined as a set of others has no members of its own. Where a line item asks for it, or excludes it,
its definition is written into the line item's expression, so that it is always up to date and costs what the expression
costs. What an advertiser or a campaign suppresses is an exclusion that each of its line items has beside its targeting.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from domain.audience import AudienceSet
from domain.campaign import Audience, Clause, Conjunction, LineItem, Targeting, wanted_values
from targeting.expression import Node, rewritten, simplified, ways_to

Definitions = Mapping[int, AudienceSet]
"""By the id of the audience that is defined."""

UNREAD = 1 << 32
"""No audience's id. A request has it where a person is known, but not in time what they belong to (or the record is
damaged): for all that is known they are suppressed."""
OTHER = 1 << 33
"""Added to the ids of audiences that the person belongs to under another id of the request than the one whose record
decides: for suppression they count the same."""
DEEPEST = 16
"""Sets within sets, those of other definitions counted in."""

NAME = "audience"

T = TypeVar("T")


def definitions_of(audiences: Iterable[Audience]) -> Definitions:
    return {audience.id: audience.of for audience in audiences if audience.of is not None}


def names_in(of: AudienceSet) -> Iterator[int]:
    """Ids of the audiences that a definition names, also of those that it leaves out."""
    for one in (*of.all_of, *of.any_of, *of.none_of):
        if isinstance(one, int):
            yield one
        else:
            yield from names_in(one)


def reached(audiences: Iterable[int], definitions: Definitions) -> frozenset[int]:
    """These audiences, and those that they are made of; not those that they leave out."""
    found: set[int] = set()

    def add(one: int | AudienceSet) -> None:
        if isinstance(one, int):
            if one in found:
                return
            found.add(one)
        of = definitions.get(one) if isinstance(one, int) else one
        for part in (*of.all_of, *of.any_of) if of is not None else ():
            add(part)

    for audience in audiences:
        add(audience)
    return frozenset(found)


def circle(audience: int, definitions: Definitions) -> tuple[int, ...]:
    """The way on which an audience is defined by itself, as ids from it to it; empty if it is not."""

    def search(way: tuple[int, ...], seen: set[int]) -> tuple[int, ...]:
        for part in names_in(definitions[way[-1]]):
            if part == audience:
                return (*way, part)
            if part in definitions and part not in seen:
                seen.add(part)
                if found := search((*way, part), seen):
                    return found
        return ()

    return search((audience,), set()) if audience in definitions else ()


def depth(one: int | AudienceSet, definitions: Definitions) -> int:
    """How deep sets are nested in it; 0: it is a list. There must be no circle."""
    of = definitions.get(one) if isinstance(one, int) else one
    if of is None:
        return 0
    return 1 + max(depth(part, definitions) for part in (*of.all_of, *of.any_of, *of.none_of))


def evaluated(
    of: AudienceSet,
    value: Callable[[int | AudienceSet], T],
    both: Callable[[T, T], T],
    either: Callable[[T, T], T],
    without: Callable[[T, T], T],
) -> T:
    """A set of whatever has an intersection, a union and a difference."""
    found: T | None = None
    for one in of.all_of:
        found = value(one) if found is None else both(found, value(one))
    if of.any_of:
        union = value(of.any_of[0])
        for one in of.any_of[1:]:
            union = either(union, value(one))
        found = union if found is None else both(found, union)
    assert found is not None, "a set has an all_of or an any_of"
    for one in of.none_of:
        found = without(found, value(one))
    return found


def belongs(audience: int, having: Collection[int], definitions: Definitions) -> bool:
    """Whether somebody who is a member of these lists is in an audience."""

    def value(one: int | AudienceSet) -> bool:
        of = definitions.get(one) if isinstance(one, int) else one
        if of is None:
            return one in having
        return evaluated(of, value, _and, _or, _and_not)

    return value(audience)


def _and(one: bool, other: bool) -> bool:
    return one and other


def _or(one: bool, other: bool) -> bool:
    return one or other


def _and_not(one: bool, other: bool) -> bool:
    return one and not other


def resolved(item: LineItem, definitions: Definitions) -> LineItem:
    """A line item as it is published: its targeting names no audience that is defined by others. Raises
    `targeting.expression.Ill`."""
    if not definitions:
        return item
    named = {int(v) for way in item.targeting.any_of for c in way if c.dimension == NAME for v in c.values}
    if definitions.keys().isdisjoint(named):
        return item
    wanted = map(int, wanted_values(item.targeting, NAME))
    reaches = tuple(sorted(reached(wanted, definitions)))
    return replace(item, targeting=expanded(item.targeting, definitions), reaches=reaches)


def expanded(targeting: Targeting, definitions: Definitions) -> Targeting:
    """The same targeting, in words of lists only. Raises `targeting.expression.Ill`."""

    def part(clause: Clause) -> Node | None:
        if clause.dimension != NAME or definitions.keys().isdisjoint(map(int, clause.values)):
            return None
        node = _any([int(value) for value in clause.values], definitions)
        return node if clause.wanted else Node("not", "", "", (node,))

    return rewritten(targeting, part)


def clear_of(audiences: Sequence[int], definitions: Definitions) -> tuple[Conjunction, ...]:
    """The ways in which somebody is in none of the audiences that are suppressed, by none of their ids. Raises
    `targeting.expression.Ill`.
    """
    if not audiences:
        return ((),)
    known = Clause(NAME, (str(UNREAD),), False)
    ways = (simplified((*way, known)) for way in ways_to(_any(audiences, definitions, OTHER), False))
    return tuple(way for way in ways if way is not None)


def both(targeting: Targeting, ways: Sequence[Conjunction]) -> Targeting:
    """Targeting that also holds in one of these ways."""
    if tuple(ways) == ((),):
        return targeting
    met = (simplified((*conjunction, *way)) for conjunction in targeting.any_of for way in ways)
    return Targeting(tuple(dict.fromkeys(conjunction for conjunction in met if conjunction is not None)))


def _any(parts: Sequence[int | AudienceSet], definitions: Definitions, other: int = 0) -> Node:
    """In one of these: lists in one leaf, and each set by itself. With ``other``: or as it says in their place."""
    lists = [part for part in parts if isinstance(part, int) and part not in definitions]
    nodes = [_set(part, definitions, other) for part in parts if not isinstance(part, int) or part in definitions]
    if lists:
        values = (*lists, *(part + other for part in lists)) if other else lists
        nodes.insert(0, Node("leaf", "", "", (), NAME, tuple(map(str, values))))
    return nodes[0] if len(nodes) == 1 else Node("any", "", "", tuple(nodes))


def _set(part: int | AudienceSet, definitions: Definitions, other: int) -> Node:
    of = definitions[part] if isinstance(part, int) else part
    nodes = [_any([one], definitions, other) for one in of.all_of]
    if of.any_of:
        nodes.append(_any(of.any_of, definitions, other))
    if of.none_of:
        nodes.append(Node("not", "", "", (_any(of.none_of, definitions, other),)))
    return Node("all", "", "", tuple(nodes))
