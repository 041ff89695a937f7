"""What makes an event count exactly once: the marks it gets, and what must be remembered of it.

An event is marked once, when it is logged, from what was remembered before it; the marks in the log are the truth. What
is remembered is a projection of the log: `facts` needs nothing but the marked event, so replaying a piece of log gives
the same memory as living through it.
"""

import struct
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import NamedTuple, TypeGuard

from msgspec.structs import replace

from domain.clock import SECOND
from domain.events import NOT_COUNTED, PROOFS, Conversion, Kind, Mark, Notice, Visit, encode, tells_price
from targeting.households import device_key, household_key

DAY = 86_400 * SECOND

_WON = 0
_AUDITED = 0x80
"""With a kind: that notice as AUDIT. Alone: some notice of the bid was AUDIT."""

# Plain integers: with enum flags, an "and" costs half a microsecond, and an event takes a dozen.
_UNCOUNTED = int(NOT_COUNTED)
_DUPLICATE, _AUDIT, _TEST, _FIRST = (int(mark) for mark in (Mark.DUPLICATE, Mark.AUDIT, Mark.TEST, Mark.FIRST))
_CONTRADICTION = int(Mark.CONTRADICTION)
_PRICELESS = (int(Kind.CLICK), int(Kind.EVENT))


class Fact(NamedTuple):
    """One key to remember."""

    table: str
    """``seen`` or ``clicks``"""
    key: bytes
    value: bytes
    """In ``seen``: the price that the notice told, 8 bytes; empty if it told none."""


Recall = Callable[[bytes], bytes | None]
"""What is remembered under a key of ``seen``; None: nothing."""


def bid_key(notice: Notice, what: int) -> bytes:
    """The bid's day comes first, so that old keys lie together and can be dropped together."""
    return struct.pack(">cHQHB", b"n", notice.bid_ns // DAY & 0xFFFF, notice.bid, notice.imp, what)


def click_key(bid: int, imp: int) -> bytes:
    return struct.pack(">QH", bid, imp)


def order_key(conversion: Conversion) -> bytes:
    """(advertiser, event, order); those that count and those that do not are two worlds."""
    name = f"{conversion.advertiser}\0{conversion.event}\0{conversion.order}".encode()
    world = b"t" if conversion.marks & (_TEST | _AUDIT) else b"c"
    return world + blake2b(name, digest_size=16).digest()


_EVENTS = 0x20
"""With a `PlayEvent`: what a notice of the kind EVENT is remembered by."""


def _own_key(notice: Notice) -> bytes:
    if notice.kind == Kind.EVENT:
        return bid_key(notice, _EVENTS | notice.event)
    # An AUDIT notice does not use up the place of a real one: whoever sees a pixel's URL could send it with p=AUDIT.
    return bid_key(notice, notice.kind | (_AUDITED if notice.marks & _AUDIT else 0))


def _price(notice: Notice) -> bytes:
    return notice.price.to_bytes(8, "big") if tells_price(notice) else b""


def mark_notice(notice: Notice, recall: Recall) -> Notice:
    """Adds DUPLICATE, FIRST and CONTRADICTION, and AUDIT to clicks and events of an audited bid (their URLs carry no
    price). A notice that is repeated as it was is a DUPLICATE and contradicts nothing, whatever came between.
    """
    won = bid_key(notice, _WON)
    marks = notice.marks
    if notice.kind in _PRICELESS and recall(bid_key(notice, _AUDITED)) is not None and recall(won) is None:
        marks |= _AUDIT
    own = recall(_own_key(notice if marks == notice.marks else replace(notice, marks=marks)))
    if _another_price(notice, own, recall):
        marks |= _CONTRADICTION
    if own is not None:
        marks |= _DUPLICATE
    elif notice.kind == Kind.LOSS and not marks & _UNCOUNTED:
        if recall(won) is not None:
            marks |= _CONTRADICTION
    elif notice.kind in PROOFS and not marks & _UNCOUNTED:
        if recall(won) is None:
            marks |= _FIRST
        if recall(bid_key(notice, Kind.LOSS)) is not None:
            marks |= _CONTRADICTION
    return notice if marks == notice.marks else replace(notice, marks=marks)


def _another_price(notice: Notice, own: bytes | None, recall: Recall) -> bool:
    """Was another price told before: by this very notice, or else by one of the bid's others?"""
    price = _price(notice)
    if not price:
        return False
    others = (recall(bid_key(notice, kind)) for kind in PROOFS if kind != notice.kind)
    return any(before and before != price for before in ([own] if own else others))


def mark_conversion(conversion: Conversion, recall: Recall) -> Conversion:
    """Adds DUPLICATE."""
    if recall(order_key(conversion)) is not None:
        return replace(conversion, marks=conversion.marks | _DUPLICATE)
    return conversion


def facts(event: Notice | Conversion | Visit) -> Iterator[Fact]:
    """What to remember of a logged event. Nothing of a duplicate: its first one is remembered. Nothing of a visit
    either: each is one more.
    """
    if event.marks & _DUPLICATE or isinstance(event, Visit):
        return
    if isinstance(event, Conversion):
        yield Fact("seen", order_key(event), b"")
        return
    yield Fact("seen", _own_key(event), _price(event))
    if event.marks & _FIRST:
        yield Fact("seen", bid_key(event, _WON), b"")
    if event.marks & _AUDIT:
        yield Fact("seen", bid_key(event, _AUDITED), b"")
    if event.kind == Kind.CLICK:
        yield Fact("clicks", click_key(event.bid, event.imp), encode(event))


def counters(notice: Notice) -> list[int]:
    """Keys in the profile store of all whose counters an impression is in: the person, a device, a household."""
    keys = (notice.person, device_key(notice.device), household_key(notice.household))
    return [key for key in keys if key]


def is_lost(event: Notice | Conversion | Visit) -> bool:
    """Whether it says, for the first time, that a bid came to nothing."""
    return isinstance(event, Notice) and event.kind == Kind.LOSS and not event.marks & _UNCOUNTED


def is_shown(event: Notice | Conversion | Visit) -> TypeGuard[Notice]:
    """Whether it is an impression that counts, and so belongs into the person's frequency record."""
    return isinstance(event, Notice) and event.kind == Kind.IMPRESSION and not event.marks & _UNCOUNTED
