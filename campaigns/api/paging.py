"""Pages of a list: sorted by what is asked for, and from one page's end on, whatever is added or removed meanwhile."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from domain.errors import Problem, Refused

MOST_KEYS = 5


class By(NamedTuple):
    """One of the things that a list is sorted by."""

    field: str
    falling: bool


def order_of(text: str, fields: Mapping[str, Any]) -> tuple[By, ...]:
    """``name desc, key`` -> what is sorted by; without anything by id, the order in which things were made."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, *rest = part.split()
        if name not in fields:
            allowed = f"there is no such field to sort by; those here are {', '.join(fields)}"
            raise Refused([Problem("order_by", name, allowed)])
        if rest not in ([], ["asc"], ["desc"]):
            raise Refused([Problem("order_by", part, "a field is followed by asc, desc, or nothing")])
        found.append(By(name, rest == ["desc"]))
    if len(found) > MOST_KEYS:
        raise Refused([Problem("order_by", text, f"it must name at most {MOST_KEYS} fields")])
    return (*found, By("id", False))


Value = str | int | bool | None
Position = tuple[Value, ...]
"""The fields of the last thing of a page, in the order of `By`."""


def _plain(value: Any) -> Value:
    return _padded(value) if isinstance(value, Decimal) else value


def _padded(value: Decimal) -> int:
    return int(value * 10**9)  # exact: amounts are whole nanos


def _compare(order: Sequence[By]) -> Callable[[Position, Position], int]:
    falling = [by.falling for by in order]

    def compare(a: Position, b: Position) -> int:
        for x, y, down in zip(a, b, falling, strict=True):
            if x == y:
                continue
            below = x is None if x is None or y is None else x < y  # type: ignore[operator]  # nothing comes first
            return (1 if below else -1) if down else (-1 if below else 1)
        return 0

    return compare


def page(
    things: Sequence[Any], find: Callable[[str, Any], Any], order: Sequence[By], after: Position | None, size: int
) -> tuple[list[Any], Position | None]:
    """The things of one page, and where it ends (None: there are no more). ``find``: a field of a thing.

    Works in columns: thousands of small tuples would set off the garbage collector for each page.
    """
    columns: list[list[Any]] = [[_plain(find(by.field, thing)) for thing in things] for by in order]
    places = list(range(len(things)))
    for column, by in reversed(list(zip(columns, order, strict=True))):
        if None in column:  # what is not said comes first
            unsaid = [place for place in places if column[place] is None]
            said = [place for place in places if column[place] is not None]
            said.sort(key=column.__getitem__, reverse=by.falling)
            places = said + unsaid if by.falling else unsaid + said
        else:
            places.sort(key=column.__getitem__, reverse=by.falling)

    def position(place: int) -> Position:
        return tuple(column[place] for column in columns)

    start = _behind(places, position, _compare(order), after) if after is not None else 0
    cut = places[start : start + size]
    last = position(cut[-1]) if cut and start + size < len(places) else None
    return [things[place] for place in cut], last


def _behind(
    places: Sequence[int],
    position: Callable[[int], Position],
    compare: Callable[[Position, Position], int],
    at: Position,
) -> int:
    """How many places are not behind a position."""
    start, end = 0, len(places)
    try:
        while start < end:
            middle = (start + end) // 2
            if compare(position(places[middle]), at) <= 0:
                start = middle + 1
            else:
                end = middle
    except TypeError:  # somebody else's work: text where a field is a number
        raise _wrong("", "it must be the next_page_token of an answer") from None
    return start


class _Told(msgspec.Struct, array_like=True, frozen=True):
    asked: str
    at: list[Value]


def token(position: Position, *asked: str) -> str:
    """The ``page_token`` of the next page. ``asked``: what the list is of, which must be the same then."""
    return urlsafe_b64encode(msgspec.json.encode(_Told(_digest(asked), list(position)))).decode().rstrip("=")


def position_of(text: str, order: Sequence[By], *asked: str) -> Position:
    """Where a page begins. Raises Refused for a token that was not given for this list."""
    try:
        told = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=_Told)
    except (ValueError, msgspec.MsgspecError):
        raise _wrong(text, "it must be the next_page_token of an answer") from None
    if told.asked != _digest(asked) or len(told.at) != len(order):
        raise _wrong(text, "it was given for a list of another kind, filter, order or of others' things")
    return tuple(told.at)


def _digest(asked: Sequence[str]) -> str:
    return sha256(msgspec.json.encode(asked)).hexdigest()[:12]


def _wrong(text: str, allowed: str) -> Refused:
    return Refused([Problem("page_token", text, allowed)])
