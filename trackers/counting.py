"""What makes an event count exactly once: the marks it gets, and what must be remembered of it.

An event is marked once, when it is logged, from what was remembered before it; the marks in the log are the truth. What
is remembered is a projection of the log: `facts` needs nothing but the marked event, so replaying a piece of log gives
the same memory as living through it.
"""

import struct
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from msgspec.structs import replace

from domain.clock import SECOND
from domain.events import NOT_COUNTED, Conversion, Kind, Mark, Notice, encode

DAY = 86_400 * SECOND
PROOFS = (Kind.WIN, Kind.BILLING, Kind.IMPRESSION)
"""Each of these proves that the bid won."""

_WON = 0
_AUDITED = 0x80
"""With a kind: that notice as AUDIT. Alone: some notice of the bid was AUDIT."""

# Plain integers: with enum flags, an "and" costs half a microsecond, and an event takes a dozen.
_UNCOUNTED = int(NOT_COUNTED)
_DUPLICATE, _AUDIT, _TEST, _FIRST = (int(mark) for mark in (Mark.DUPLICATE, Mark.AUDIT, Mark.TEST, Mark.FIRST))


class Fact(NamedTuple):
    """One key to remember."""

    table: str
    """``seen`` or ``clicks``"""
    key: bytes
    value: bytes


Seen = Callable[[bytes], bool]


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


def _own_key(notice: Notice) -> bytes:
    # An AUDIT notice does not use up the place of a real one: whoever sees a pixel's URL could send it with p=AUDIT.
    return bid_key(notice, notice.kind | (_AUDITED if notice.marks & _AUDIT else 0))


def mark_notice(notice: Notice, seen: Seen) -> Notice:
    """Adds DUPLICATE, FIRST, and AUDIT to the click of an audited bid (a click's URL carries no price)."""
    won = bid_key(notice, _WON)
    if notice.kind == Kind.CLICK and seen(bid_key(notice, _AUDITED)) and not seen(won):
        notice = replace(notice, marks=notice.marks | _AUDIT)
    if seen(_own_key(notice)):
        return replace(notice, marks=notice.marks | _DUPLICATE)
    if notice.kind in PROOFS and not notice.marks & _UNCOUNTED and not seen(won):
        return replace(notice, marks=notice.marks | _FIRST)
    return notice


def mark_conversion(conversion: Conversion, seen: Seen) -> Conversion:
    """Adds DUPLICATE."""
    if seen(order_key(conversion)):
        return replace(conversion, marks=conversion.marks | _DUPLICATE)
    return conversion


def facts(event: Notice | Conversion) -> Iterator[Fact]:
    """What to remember of a logged event. Nothing of a duplicate: its first one is remembered."""
    if event.marks & _DUPLICATE:
        return
    if isinstance(event, Conversion):
        yield Fact("seen", order_key(event), b"")
        return
    yield Fact("seen", _own_key(event), b"")
    if event.marks & _FIRST:
        yield Fact("seen", bid_key(event, _WON), b"")
    if event.marks & _AUDIT:
        yield Fact("seen", bid_key(event, _AUDITED), b"")
    if event.kind == Kind.CLICK:
        yield Fact("clicks", click_key(event.bid, event.imp), encode(event))


def is_shown(event: Notice | Conversion) -> bool:
    """Whether it is an impression that counts, and so belongs into the person's frequency record."""
    return isinstance(event, Notice) and event.kind == Kind.IMPRESSION and not event.marks & _UNCOUNTED
