"""What conversions are credited to, decided from all that is known of one order. Nothing here knows a store.

An *order* is what an advertiser told under one order id: an application, and weeks later that it was approved and paid
out. Of each event the first one received counts, once. They are credited in the order in which they happened: to what
an earlier one of the order is credited to, whatever the windows; else to what is told of them themselves: the click
whose id came with it, else the person's last click, else their last view, each within its campaign's window.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.attribution import LONGEST_S, Credit, Rules
from domain.clock import SECOND

LONGEST_NS = LONGEST_S * SECOND


class Touch(NamedTuple):
    """A click, or a view. Of two at the same time the greater one is the last."""

    at_ns: int
    bid: int
    imp: int
    exchange: int
    campaign: int
    line_item: int
    creative: int
    deal: int
    site: int
    context: int


class Converted(NamedTuple):
    """A conversion as it was recorded; those that count only."""

    received_ns: int
    advertiser: int
    event: str
    order: str
    value: int
    currency: str
    person: int
    at_ns: int
    """When it happened."""
    click: Touch | None
    """The click whose id was told."""


class Credited(NamedTuple):
    """The credit of one conversion: a row of ``attributions`` without what says when and how it was written."""

    received_ns: int
    advertiser: int
    event: str
    order: str
    value: int
    currency: str
    person: int
    kind: int
    touch_ns: int
    bid: int
    exchange: int
    campaign: int
    line_item: int
    creative: int
    deal: int
    site: int
    context: int


_TOUCH = Credited._fields.index("kind")
"""Where in a `Credited` it begins what it is credited to."""
Name = tuple[int, str, int, str]
"""A conversion within its order: when it was received, its event, value and currency."""
Keys = Sequence[int]
"""Of one person, all of them."""
Seen = Mapping[tuple[int, int], Sequence[Touch]]
"""By advertiser and key of a person: touches in the order of time, as far as they can be the last before a conversion.
"""


class Order(NamedTuple):
    """One order, prepared for `credits`."""

    kept: list[Converted]
    """Each event once, as they happened."""
    settled: dict[Name, Credited]
    """In this order, of those before the first that is to be decided: their credit, which stays."""
    open: list[Converted]
    """Those that are to be decided: from the first whose credit is wanted on, since later ones follow it."""
    before: dict[Name, Credited]
    """What the open ones were credited to until now."""
    gone: list[Credited]
    """Credits of conversions that are not in the store any more; they stay."""

    @property
    def inherited(self) -> Credited | None:
        """What all open ones are credited to."""
        return next((credit for credit in (*self.gone, *self.settled.values()) if credit.kind), None)


def name_of(one: Converted | Credited) -> Name:
    return one.received_ns, one.event, one.value, one.currency


def prepare(
    told: Iterable[Converted],
    now: Iterable[Credited],
    again: Callable[[Converted], bool],
    gone: Iterable[Credited] = (),
) -> Order:
    """``told``: all conversions of the order; ``now``: what they are credited to; ``again``: is it to be decided anew?
    Those without a credit are.
    """
    first: dict[str, Converted] = {}
    for one in sorted(told, key=lambda one: (one.received_ns, *one[:8], one.click or ())):
        first.setdefault(one.event, one)
    kept = sorted(first.values(), key=lambda one: (one.at_ns, one.received_ns, one.event))
    credit = {name_of(row): row for row in now}
    start = next((i for i, one in enumerate(kept) if name_of(one) not in credit or again(one)), len(kept))
    names = [name_of(one) for one in kept]
    return Order(
        kept,
        {name: credit[name] for name in names[:start]},
        kept[start:],
        {name: credit[name] for name in names[start:] if name in credit},
        sorted(gone),
    )


def by_click_id(one: Converted, rules: Callable[[int], Rules]) -> bool:
    """Whether the click whose id was told gets the credit."""
    return one.click is not None and 0 <= one.at_ns - one.click.at_ns <= rules(one.click.campaign).click_ns


def credits(
    order: Order,
    keys: Mapping[int, Keys],
    clicks: Seen,
    views: Seen,
    rules: Callable[[int], Rules],
    kept_since: Mapping[int, int],
) -> list[Credited]:
    """The credits that the conversions of an order are to have: one for each, those credited to nothing too.

    ``views``: of a campaign that wants viewable ads, those alone. Whose touches cannot be looked up any more, because
    the person was forgotten, or the touch is from before ``kept_since`` (by kind of credit), keeps the credit it has.
    """
    found = list(order.settled.values())
    standing = order.inherited
    followed = {credit[_TOUCH:] for credit in (*order.gone, *found)}
    # what conversions before were credited to until now: whoever was credited to the same may owe it to them
    for one in order.open:
        credit = _of(one, standing) if standing else _own(one, keys.get(one.person, ()), clicks, views, rules)
        if held := order.before.get(name_of(one)):
            own = held.kind and held[_TOUCH:] not in followed and not (one.click and one.click.bid == held.bid)
            weaker = not credit.kind or (credit.kind, held.kind) == (Credit.VIEW, Credit.CLICK)
            if own and weaker and (not one.person or held.touch_ns < kept_since.get(held.kind, 0)):
                credit = held
            followed.add(held[_TOUCH:])
        if credit.kind and not standing:
            standing = credit
        found.append(credit)
    return found


def _own(one: Converted, keys: Keys, clicks: Seen, views: Seen, rules: Callable[[int], Rules]) -> Credited:
    if one.click is not None and by_click_id(one, rules):
        return _credited(one, Credit.CLICK, one.click)
    for kind, seen in ((Credit.CLICK, clicks), (Credit.VIEW, views)):
        last = max(
            (touch for key in keys if (touch := _last(one, seen.get((one.advertiser, key), ()), kind, rules))),
            default=None,
        )
        if last is not None:
            return _credited(one, kind, last)
    return _credited(one, Credit.NONE, None)


def _last(one: Converted, touches: Sequence[Touch], kind: Credit, rules: Callable[[int], Rules]) -> Touch | None:
    """The last of one key's touches before the conversion that its campaign's window reaches."""
    for place in range(bisect_right(touches, one.at_ns, key=lambda touch: touch.at_ns) - 1, -1, -1):
        touch = touches[place]
        if one.at_ns - touch.at_ns > LONGEST_NS:
            break
        rule = rules(touch.campaign)
        window_ns = rule.click_ns if kind == Credit.CLICK else rule.view_ns
        if window_ns and one.at_ns - touch.at_ns <= window_ns:
            return touch
    return None


def _credited(one: Converted, kind: Credit, touch: Touch | None) -> Credited:
    at_ns, bid, _, *place = touch or Touch(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    return Credited(*_facts(one), int(kind), at_ns, bid, *place)


def _of(one: Converted, credit: Credited) -> Credited:
    """The same credit, of another conversion of the order."""
    return credit._replace(
        received_ns=one.received_ns, event=one.event, value=one.value, currency=one.currency, person=one.person
    )


def _facts(one: Converted) -> tuple[int, int, str, str, int, str, int]:
    return one.received_ns, one.advertiser, one.event, one.order, one.value, one.currency, one.person
