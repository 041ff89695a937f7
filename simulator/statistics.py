"""What the simulator has seen so far: live counts that a terminal view can read at any moment."""

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

RECENT_S = 5.0
"""Rates and latencies are those of so many last seconds."""


@dataclass
class Statistics:
    """Counts since the start of this run (the books hold all runs)."""

    started: float = field(default_factory=time.monotonic)
    requests: int = 0
    skipped: int = 0
    """Due, but not sent: too many were open already."""
    dropped: int = 0
    """Requests whose connection failed or ended without an answer."""
    timeouts: int = 0
    """Answers that came after ``tmax``; their bids do not take part."""
    answers: Counter[int] = field(default_factory=Counter)
    """By HTTP status."""
    no_bids: Counter[str] = field(default_factory=Counter)
    """By ``nbr``, ``unexplained`` where none was told."""
    faulty: Counter[str] = field(default_factory=Counter)
    """Answers that are neither bid nor no-bid, by what is wrong."""
    bids: int = 0
    bid_requests: int = 0
    """Requests answered by at least one bid in time."""
    invalid: Counter[str] = field(default_factory=Counter)
    """Refused bids, by why."""
    losses: Counter[str] = field(default_factory=Counter)
    """Lost bids, by reason."""
    sales: int = 0
    """Won auctions, audits and tests included."""
    sold: Counter[str] = field(default_factory=Counter)
    """The same by format."""
    acknowledged: Counter[str] = field(default_factory=Counter)
    """Notices of counting sales, by kind."""
    spend: Counter[str] = field(default_factory=Counter)
    """Charged, by currency, in nanos."""
    retries: int = 0
    """Notices that had to be sent again because nobody or a 5xx answered."""
    repeated: int = 0
    late: int = 0
    lost: int = 0
    audits: int = 0
    tests: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Genuine notices that were refused: none should be."""
    forged: int = 0
    forged_refused: int = 0
    forged_accepted: Counter[str] = field(default_factory=Counter)
    bent: Counter[str] = field(default_factory=Counter)
    """Clicks that were sent to another domain than the bid declared: none should be."""
    _latencies: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=20_000), repr=False)

    def answered(self, status: int, seconds: float) -> None:
        self.answers[status] += 1
        self._latencies.append((time.monotonic(), seconds * 1000))

    def latency_ms(self, share: float) -> float:
        """The latency that ``share`` of the last answers stayed below; 0.0 if there were none."""
        latest = self._latencies[-1][0] if self._latencies else 0.0
        recent = sorted(ms for _, ms in self._since(latest - RECENT_S))
        return recent[min(len(recent) - 1, int(share * len(recent)))] if recent else 0.0

    @property
    def p50_ms(self) -> float:
        return self.latency_ms(0.50)

    @property
    def p99_ms(self) -> float:
        return self.latency_ms(0.99)

    @property
    def rps(self) -> float:
        """Answers a second, recently."""
        age = time.monotonic() - self.started
        return len(self._since(time.monotonic() - RECENT_S)) / max(min(age, RECENT_S), 0.001)

    @property
    def failures(self) -> int:
        """Requests without an answer of status 200 or 204."""
        return self.dropped + sum(count for status, count in self.answers.items() if status not in (200, 204))

    @property
    def wins(self) -> int:
        return self.sales - self.audits - self.tests

    @property
    def impressions(self) -> int:
        return self.acknowledged["impression"]

    @property
    def clicks(self) -> int:
        return self.acknowledged["click"]

    @property
    def bid_rate(self) -> float:
        return self.bid_requests / max(sum(self.answers.values()), 1)

    @property
    def win_rate(self) -> float:
        return self.sales / max(self.bids, 1)

    @property
    def ctr(self) -> float:
        return self.clicks / max(self.impressions, 1)

    def faults(self) -> list[str]:
        """What must never happen, one line each; a run is good if this is empty."""
        lines = [f"{count} × {what}" for what, count in self.faulty.items()]
        lines += [f"{count} × invalid bid: {why}" for why, count in self.invalid.items()]
        lines += [f"{count} × genuine notice refused: {what}" for what, count in self.refused.items()]
        lines += [f"{count} × forged notice accepted: {what}" for what, count in self.forged_accepted.items()]
        lines += [f"{count} × click redirected to {where}" for where, count in self.bent.items()]
        return lines

    def summary(self) -> dict[str, Any]:
        """All counts and derived figures, ready for JSON."""
        counts = {name: value for name, value in vars(self).items() if not name.startswith("_") and name != "started"}
        derived = {name: round(getattr(self, name), 4) for name in ("bid_rate", "win_rate", "ctr", "p50_ms", "p99_ms")}
        return counts | {"wins": self.wins} | derived

    def _since(self, since: float) -> list[tuple[float, float]]:
        found = []
        for moment in reversed(self._latencies):
            if moment[0] < since:
                break
            found.append(moment)
        return found
