"""What goes out over a channel: the alerts of one look together, so that a bad night is one mail and not fifty."""

import socket
import uuid
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from monitoring.alerts import Told
from monitoring.page import number
from monitoring.rules import Severity

_RANK = {"warning": 0, "critical": 1}


class Message(Struct, frozen=True):
    """``id`` is the same however often delivery is tried: who got it twice can tell."""

    id: str
    made: float
    host: str
    alerts: tuple[Told, ...]

    def for_severity(self, least: Severity) -> "Message | None":
        """What of it is at least so severe; None if nothing is."""
        wanted = tuple(told for told in self.alerts if _RANK[told.severity] >= _RANK[least])
        return msgspec.structs.replace(self, alerts=wanted) if wanted else None

    @property
    def is_test(self) -> bool:
        return all(told.status == "test" for told in self.alerts)

    @property
    def subject(self) -> str:
        """Like ``CRITICAL process_down (and 2 more)``; ``RESOLVED`` if all of it is over."""
        by_rank = sorted(self.alerts, key=lambda told: (told.status == "resolved", -_RANK[told.severity]))
        first = by_rank[0]
        word = first.severity if first.status == "firing" else first.status
        more = f" (and {len(self.alerts) - 1} more)" if len(self.alerts) > 1 else ""
        return f"{word.upper()} {first.rule}{more}"

    def text(self) -> str:
        """For people."""
        parts = []
        for told in self.alerts:
            labels = ", ".join(f"{name} {value}" for name, value in told.labels.items())
            since = datetime.fromtimestamp(told.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            parts.append(
                f"{told.status.upper()}  {told.rule}  [{told.severity}]\n"
                + f"{told.summary}\n"
                + (f"  {labels}\n" if labels else "")
                + f"  value {number(round(told.value, 6))}, wrong is {told.bound}; since {since}\n"
            )
        return "\n".join(parts) + f"\nOutbid's watcher on {self.host}\n"


def message(alerts: list[Told], now: float) -> Message:
    return Message(uuid.uuid4().hex, now, socket.gethostname(), tuple(alerts))
