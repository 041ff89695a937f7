"""Where time comes from.

Business time (budget days, flights, hours of the week, event times) comes from a `Clock`. Waiting times of machines
(network time-outs, lease ends) use `time.monotonic`. A compressed day runs the business clock faster; all processes
share it through ``OUTBID_CLOCK=start_ns,anchor_ns,speed``.
"""

import os
import time
from datetime import UTC, datetime
from typing import Protocol

SECOND = 1_000_000_000


class Clock(Protocol):
    """Business time. ``speed`` is business seconds for one real second (1.0 in production)."""

    speed: float

    def now_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    speed = 1.0
    now_ns = staticmethod(time.time_ns)


class ScaledClock:
    """Business time: ``start_ns`` when the machine's clock showed ``anchor_ns``, running ``speed`` times faster."""

    def __init__(self, start_ns: int, anchor_ns: int, speed: float) -> None:
        self.start_ns, self.anchor_ns, self.speed = start_ns, anchor_ns, speed

    def now_ns(self) -> int:
        return self.start_ns + int((time.time_ns() - self.anchor_ns) * self.speed)

    def to_env(self) -> str:
        return f"{self.start_ns},{self.anchor_ns},{self.speed}"


class ManualClock:
    """A clock that a test moves by hand."""

    speed = 1.0

    def __init__(self, now_ns: int = 0) -> None:
        self.time_ns = now_ns

    def now_ns(self) -> int:
        return self.time_ns

    def advance(self, seconds: float) -> None:
        self.time_ns += int(seconds * SECOND)


def from_env() -> Clock:
    """The clock named by ``OUTBID_CLOCK``, else the machine's."""
    text = os.environ.get("OUTBID_CLOCK")
    if not text:
        return SystemClock()
    try:
        start, anchor, speed = text.split(",")
        return ScaledClock(int(start), int(anchor), float(speed))
    except ValueError:
        raise ValueError(f"OUTBID_CLOCK is {text!r}; it must be start_ns,anchor_ns,speed") from None


def utc(ns: int) -> datetime:
    """Nanoseconds since 1970 -> an aware datetime (microsecond precision), for people and for SQL."""
    return datetime.fromtimestamp(ns / SECOND, UTC)
