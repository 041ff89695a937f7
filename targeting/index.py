"""Which line items a request's facts allow: targeting compiled to bitsets."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from cython_ext.bitset import Bitsets
from domain.campaign import LineItem
from targeting.dimensions import Dimension, value_id

Facts = Mapping[Dimension, Sequence[int]]
"""What is known of a request: ids (`targeting.dimensions.value_id`) by dimension; an absent dimension is unknown."""


class TargetingIndex:
    """Bit i stands for the i-th line item given. Only targeting decides here, not flights, budgets or caps.

    An unknown fact fails a requirement (``all_of``) and passes an exclusion (``none_of``). Raises ValueError naming the
    line item if its targeting has an unknown dimension or a value that is no number where one is due.
    """

    def __init__(self, line_items: Sequence[LineItem]) -> None:
        self.bitsets = Bitsets(
            len(line_items),
            len(Dimension),
            _clauses((item.key, item.targeting.all_of) for item in line_items),
            _clauses((item.key, item.targeting.none_of) for item in line_items),
        )
        """The compiled index, for callers that are compiled themselves."""

    def select(self, facts: Facts) -> list[int]:
        """Positions of the line items that match, ascending."""
        return self.bitsets.matching([facts.get(d, ()) for d in Dimension])

    def removals(self, facts: Facts) -> dict[Dimension, int]:
        """How many line items each dimension took out, in the order of the dimensions; for "why no bid"."""
        removed = self.bitsets.removals([facts.get(d, ()) for d in Dimension])
        return {d: n for d, n in zip(Dimension, removed, strict=True) if n}


def _clauses(sides: Iterable[tuple[str, dict[str, tuple[str, ...]]]]) -> Iterator[tuple[int, int, list[int]]]:
    ids: dict[tuple[str, str], int] = {}  # most values recur; naming them is the larger part of compiling
    for position, (key, side) in enumerate(sides):
        for name, values in side.items():
            try:
                dimension = Dimension[name.upper()]
                for value in values:
                    if (name, value) not in ids:
                        ids[name, value] = value_id(dimension, value)
            except KeyError:
                raise ValueError(f"line item {key}: {name!r} is no dimension of targeting") from None
            except ValueError:
                raise ValueError(f"line item {key}: {value!r} is no value of {name}; it takes numbers") from None
            yield position, dimension, [ids[name, value] for value in values]


VALUES_SAID = 6
"""More are only counted."""


def _as_published(dimension: Dimension, value: str) -> str:
    return value


def mismatch(line_item: LineItem, facts: Facts, say: Callable[[Dimension, str], str] = _as_published) -> str | None:
    """Why targeting refuses these facts, in words; None if it does not. ``say`` names a published value."""
    for name, values in line_item.targeting.all_of.items():
        dimension = Dimension[name.upper()]
        if not {value_id(dimension, value) for value in values} & set(facts.get(dimension, ())):
            said = ", ".join(say(dimension, value) for value in values[:VALUES_SAID])
            more = f" and {len(values) - VALUES_SAID} more" if len(values) > VALUES_SAID else ""
            return f"{name} is none of {said}{more}"
    for name, values in line_item.targeting.none_of.items():
        dimension = Dimension[name.upper()]
        for value in values:
            if value_id(dimension, value) in facts.get(dimension, ()):
                return f"{name} is {say(dimension, value)}, which it excludes"
    return None
