"""What conversions are to be credited to, in plain Python over the events: each is compared with every touch."""

from collections.abc import Callable, Iterable
from typing import Any

from domain.events import NOT_COUNTED, Conversion, Kind, Notice, PlayEvent

SECOND = 10**9
Rule = tuple[int, int, bool]
"""Seconds after a click, seconds after a view (0: never), only viewable ones."""
Keys = Callable[[int], Iterable[int]]


def credited(
    events: Iterable[Any], rule: Callable[[int], Rule], keys: Keys
) -> dict[tuple[int, str, str], tuple[int, ...]]:
    """(advertiser, event, order) -> (when received, value, kind, when touched, bid, exchange, campaign, line item,
    creative, deal, site, context); kind 0: to nothing, 1: a click, 2: a view.
    """
    events = [event for event in events if not event.marks & NOT_COUNTED]
    touches = [event for event in events if isinstance(event, Notice)]
    counted: dict[tuple[int, str, str], Conversion] = {}
    for event in events:
        if isinstance(event, Conversion):
            name = event.advertiser, event.event, event.order
            if name not in counted or event.received_ns < counted[name].received_ns:
                counted[name] = event
    found: dict[tuple[int, str, str], tuple[int, ...]] = {}
    of_order: dict[tuple[int, str], tuple[int, ...]] = {}
    for name, one in sorted(counted.items(), key=lambda item: (_at(item[1]), item[1].received_ns, item[1].event)):
        order = one.advertiser, one.order
        credit = of_order.get(order) or _own(one, touches, rule, set(keys(one.person)) if one.person else set())
        if credit[0]:
            of_order[order] = credit
        found[name] = (one.received_ns, one.value, *credit)
    return found


def _at(one: Conversion) -> int:
    return one.happened_ns or one.received_ns


def _own(one: Conversion, touches: list[Notice], rule: Callable[[int], Rule], keys: set[int]) -> tuple[int, ...]:
    at = _at(one)
    if one.bid and one.click_ns <= at <= one.click_ns + rule(one.campaign)[0] * SECOND:
        place = one.exchange, one.campaign, one.line_item, one.creative, one.deal, one.site, one.context
        return (1, one.click_ns, one.bid, *place)
    best: tuple[int, ...] = (0,) * 10
    for touch in touches:
        if touch.advertiser != one.advertiser or touch.person not in keys or touch.received_ns > at:
            continue
        clicks_s, views_s, viewable = rule(touch.campaign)
        if touch.kind == Kind.CLICK:
            kind, window_s = 1, clicks_s
        elif (touch.kind, touch.event) == ((Kind.EVENT, PlayEvent.VIEWABLE) if viewable else (Kind.IMPRESSION, 0)):
            kind, window_s = 2, views_s
        else:
            continue
        if not window_s or at - touch.received_ns > window_s * SECOND:
            continue
        place = touch.exchange, touch.campaign, touch.line_item, touch.creative, touch.deal, touch.site, touch.context
        candidate = (kind, touch.received_ns, touch.bid, *place)
        if not best[0] or (kind == best[0] and candidate[1:3] > best[1:3]) or (kind == 1 and best[0] == 2):
            best = candidate
    return best
