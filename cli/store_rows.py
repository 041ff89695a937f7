"""Rows to learn from, asked of the reporter stretch by stretch."""

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from cli import ask

if TYPE_CHECKING:
    from reporting.training import Stretch
    from reporting.training_rows import Outcomes

PIECE = 1 << 18

Tell = Callable[[str, float], None]


class Source:
    """The reporter at ``base``; ``features``: how many values rows must have, 0: none are wanted."""

    def __init__(self, base: str, target: str, features: int, event: str = "") -> None:
        self._base, self._asked = base, {"target": target, "features": str(features), "event": event}
        self._features = features

    def plan(self, from_ns: int, to_ns: int) -> "list[Stretch]":
        """Raises `ask.NoAnswer`."""
        import msgspec

        from reporting.training import Stretch

        body = ask.ask(self._url("/v1/training/plan", from_ns, to_ns, 1.0), ask.authorization())
        return msgspec.json.decode(body, type=list[Stretch])

    def rows(self, from_ns: int, to_ns: int, most: int, tell: Tell = lambda step, share: None) -> "Outcomes":
        """All that there is, at most about ``most``: else a share of the rows without the outcome, by weight. Raises
        `ask.NoAnswer`.
        """
        from reporting.training_rows import joined

        stretches = self.plan(from_ns, to_ns)
        asked = sum(stretch.rows for stretch in stretches)
        positive = sum(stretch.positives for stretch in stretches)
        share = min(1.0, max(0.01, (most - positive) / max(1, asked - positive)))
        parts: list[Outcomes] = []
        for number, stretch in enumerate(stretches):
            tell(f"reading bids, stretch {number + 1} of {len(stretches)}", number / len(stretches))
            parts += self._stretch(stretch.from_ns, stretch.to_ns, share)
        return joined(parts, self._features)

    def _stretch(self, from_ns: int, to_ns: int, share: float) -> "Iterator[Outcomes]":
        from reporting.training_rows import read

        stream = _Stream(ask.pieces(self._url("/v1/training", from_ns, to_ns, share), PIECE))
        try:
            yield from read(io.BufferedReader(stream, PIECE), self._features)
        except ValueError as error:
            raise ask.NoAnswer(str(error)) from None

    def _url(self, path: str, from_ns: int, to_ns: int, share: float) -> str:
        asked = self._asked | {"from_ns": str(from_ns), "to_ns": str(to_ns), "share": repr(share)}
        return f"{self._base}{path}?{urlencode(asked)}"


class _Stream(io.RawIOBase):
    """An answer's pieces as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = next(self._pieces, b"")
        taken = self._rest[: len(into)]
        into[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
