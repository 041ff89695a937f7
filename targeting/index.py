"""Which line items a request's facts allow: targeting compiled to bitsets."""

import gc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from cython_ext.bitset import Bitsets
from domain.campaign import Clause, Conjunction, LineItem
from targeting.dimensions import MANY, SETS, Dimension, value_id
from targeting.matcher import Matcher, Measures, holds

Facts = Mapping[Dimension, Sequence[int]]
"""What is known of a request: ids (`targeting.dimensions.value_id`) by dimension; an absent dimension is unknown."""

UNMEASURED = Measures()

SELECTIVE = (
    *(Dimension.DEAL, Dimension.AUDIENCE, Dimension.POSTCODE, Dimension.PLACEMENT, Dimension.SITE, Dimension.APP),
    *(Dimension.PUBLISHER, Dimension.KEY_VALUE, Dimension.KEYWORD, Dimension.CITY, Dimension.MODEL, Dimension.METRO),
    *(Dimension.COUNTRY, Dimension.REGION, Dimension.EXCHANGE, Dimension.SIZE, Dimension.DEVICE_TYPE),
)
"""Dimensions in the order in which items are numbered. What wants the same value of the first that it says anything
about stands together, so that a request without that value passes over all of it."""
SPLIT = SELECTIVE[:13]
"""Of these an item that wants a few values becomes as many items, each among its own."""
SPLIT_AT_MOST = 8

Item = tuple[tuple[int, ...], int, list[tuple[int, Sequence[int], bool]], Conjunction]
"""Sort key, place of the line item, clauses for the bitsets, checks."""


class TargetingIndex:
    """Bit i stands for the i-th line item given. Only targeting decides here, not flights, budgets or caps.

    An unknown fact fails a requirement and passes an exclusion. Raises ValueError naming the line item if its targeting
    has an unknown dimension or a value that is none.
    """

    def __init__(self, line_items: Sequence[LineItem]) -> None:
        self.matcher = _matcher(line_items, 0)
        """The compiled index, for callers that are compiled themselves."""
        self.later: tuple[LineItem, ...] = ()
        """Line items that were added by `changed`; their places come after those of all others."""

    def changed(self, gone: Collection[int], added: Sequence[LineItem]) -> "TargetingIndex":
        """The index after a change, at the cost of what changed: ``gone`` are places of line items that match nothing
        any more; those added take the places after the last. This one stays as it is."""
        made = TargetingIndex.__new__(TargetingIndex)
        made.later = (*self.later, *added)
        before = self.matcher
        later = _matcher(made.later, before.n_lines - len(self.later))
        made.matcher = before.changed(later.n_lines, before.gone | frozenset(gone), later)
        return made

    def select(self, facts: Facts, measures: Measures = UNMEASURED) -> list[int]:
        """Places of the line items that match, ascending."""
        return self.matcher.matching(_by_place(facts), measures)


def _by_place(facts: Facts) -> list[Sequence[int]]:
    return [facts.get(Dimension(d), ()) for d in range(SETS)]


def _matcher(line_items: Sequence[LineItem], first: int) -> Matcher:
    """``first``: the place of the first of them."""
    collecting = gc.isenabled()
    gc.disable()  # all of it lives until the end: to walk it again and again would take as long as the rest
    try:
        return _compiled(line_items, first)
    finally:
        if collecting:
            gc.enable()


def _compiled(line_items: Sequence[LineItem], first: int) -> Matcher:
    ids: list[dict[str, int]] = [{} for _ in range(SETS)]  # most values recur; naming them is much of the work
    wanted = 0
    items: list[Item] = []
    for place, line_item in enumerate(line_items, first):
        try:
            for conjunction in line_item.targeting.any_of:
                wanted |= _add(items, place, conjunction, ids)
        except _Unknown as unknown:
            raise ValueError(f"line item {line_item.key}: {unknown}") from None
    items.sort(key=lambda item: item[0])
    used = sorted({clause[0] for item in items for clause in item[2]}, key=_looked_at)
    planes = {plane: place for place, plane in enumerate(used)}
    sets = Bitsets(
        [(plane % SETS, plane < SETS and Dimension(plane) not in MANY) for plane in used],
        ([(planes[plane], values, sign) for plane, values, sign in item[2]] for item in items),
    )
    owners = [item[1] for item in items]
    return Matcher(first + len(line_items), wanted, sets, owners, [item[3] for item in items])


class _Unknown(ValueError):
    pass


_DIMENSIONS = {dimension.name.lower(): dimension for dimension in Dimension}
_PLACES = {name: int(dimension) for name, dimension in _DIMENSIONS.items()}
_RANKS = {int(dimension): rank for rank, dimension in enumerate(SELECTIVE)}
_UNASKED = [-1] * len(SELECTIVE)


def _looked_at(plane: int) -> tuple[int, int]:
    """Place of a plane in the order of looks: what rules most out comes first."""
    return _RANKS.get(plane % SETS, len(SELECTIVE)), plane


def _add(items: list[Item], place: int, conjunction: Conjunction, ids: list[dict[str, int]]) -> int:
    """One alternative of a line item as one or several items; returns its dimensions as bits."""
    clauses: list[tuple[int, Sequence[int], bool]] = []
    checks: list[Clause] = []
    lead: dict[int, Sequence[int]] = {}
    said, second = 0, set()
    for clause in conjunction:
        dimension = _PLACES.get(clause.dimension, -1)
        if dimension < 0:
            raise _Unknown(f"{clause.dimension!r} is no dimension of targeting")
        said |= 1 << dimension
        if dimension >= SETS:
            checks.append(clause)
            continue
        known = ids[dimension]
        try:
            values = [known[value] for value in clause.values]
        except KeyError:
            values = [_id(dimension, value, known) for value in clause.values]
        if not clause.wanted:
            clauses.append((dimension, values, False))
        elif dimension not in lead:
            lead[dimension] = values
        elif dimension not in second:
            second.add(dimension)
            clauses.append((SETS + dimension, values, True))  # a second requirement takes a second plane,
        else:
            checks.append(clause)  # a third is checked
    key, first = _UNASKED.copy(), len(SELECTIVE)
    for dimension, led in lead.items():
        rank = _RANKS.get(dimension)
        if rank is not None:
            key[rank] = led[0]
            first = min(first, rank)
    kept = tuple(checks)
    leading = SELECTIVE[first] if first < len(SPLIT) else -1
    if leading < 0 or len(lead[leading]) > SPLIT_AT_MOST:
        clauses += [(dimension, led, True) for dimension, led in lead.items()]
        items.append(((first, *key[first:]), place, clauses, kept))
        return said
    split = lead.pop(leading)
    clauses += [(dimension, led, True) for dimension, led in lead.items()]
    rest = key[first + 1 :]
    for value in split:
        items.append(((first, value, *rest), place, [*clauses, (leading, (value,), True)], kept))
    return said


def _id(dimension: int, value: str, known: dict[str, int]) -> int:
    try:
        known[value] = found = value_id(Dimension(dimension), value)
    except ValueError:
        name = Dimension(dimension).name.lower()
        raise _Unknown(f"{value!r} is no value of {name}; it takes numbers") from None
    return found


VALUES_SAID = 6
"""More are only counted."""


def _as_published(dimension: Dimension, value: str) -> str:
    return value


def mismatch(
    line_item: LineItem,
    facts: Facts,
    measures: Measures = UNMEASURED,
    say: Callable[[Dimension, str], str] = _as_published,
) -> str | None:
    """Why targeting refuses these facts, in words; None if it does not. ``say`` names a published value."""
    known = _by_place(facts)
    reasons: dict[str, None] = {}
    for conjunction in line_item.targeting.any_of:
        why = next(_failures(conjunction, known, measures, say), None)
        if why is None:
            return None
        reasons[why] = None
    if len(line_item.targeting.any_of) < 2:
        return next(iter(reasons), "it wants no request at all")
    shown = "; ".join(list(reasons)[:VALUES_SAID])
    more = f"; and {len(reasons) - VALUES_SAID} more reasons" if len(reasons) > VALUES_SAID else ""
    return f"none of its {len(line_item.targeting.any_of)} alternatives: {shown}{more}"


def _failures(
    conjunction: Sequence[Clause],
    known: Sequence[Sequence[int]],
    measures: Measures,
    say: Callable[[Dimension, str], str],
) -> Iterator[str]:
    for clause in conjunction:
        if holds(clause, known, measures):
            continue
        dimension = _DIMENSIONS[clause.dimension]
        if clause.wanted:
            said = ", ".join(say(dimension, value) for value in clause.values[:VALUES_SAID])
            more = f" and {len(clause.values) - VALUES_SAID} more" if len(clause.values) > VALUES_SAID else ""
            yield f"{clause.dimension} is none of {said}{more}"
        else:
            met = next(v for v in clause.values if holds(Clause(clause.dimension, (v,)), known, measures))
            yield f"{clause.dimension} is {say(dimension, met)}, which it excludes"
