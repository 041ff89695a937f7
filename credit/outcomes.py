"""What became of an application: approved, rejected, disbursed, repaid, defaulted. Durable, and counted once.

An outcome is about an offer (``match_id``, as `/v1/match` gave it) or about an applicant whom the lender has a
reference for. Its ``id`` makes it idempotent: the same one again changes nothing; another outcome under an id that is
taken is refused. Without an id it is made of what the outcome is about, its product and its kind.

Outcomes are appended to logs under ``<data>/credit/outcomes``: the service's own, and one of files that were read in.
Whoever learns from them reads both, and counts the first of an id.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from domain.errors import Problem, Refused
from domain.naming import name_id
from eventlog.reader import LogReader
from eventlog.writer import LogWriter

OutcomeKind = Literal["approved", "rejected", "disbursed", "repaid", "defaulted"]
KINDS: tuple[OutcomeKind, ...] = ("approved", "rejected", "disbursed", "repaid", "defaulted")

SERVICE, FILES = "service", "files"
"""The logs: outcomes that were posted, and those of files."""
LONGEST = 128
"""Characters of an id, a reference or a product's key."""
FUTURE_S = 86_400
"""An outcome may be stamped so long ahead of the clock, and no further."""


class Outcome(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that happened to an application."""

    match_id: str
    """Of `/v1/match`; empty if the outcome is about ``reference``."""
    kind: OutcomeKind
    at: int
    """Seconds since 1970."""
    amount: int = 0
    """Nanos (10⁻⁹) of the product's currency: what was paid out, back, or lost. 0: not told."""
    reference: str = ""
    """The lender's own name of the application; opaque, and never an id of the person."""
    product: str = ""
    institution: str = ""
    """Whose it is: set from the key that posts it."""
    id: str = ""

    @property
    def key(self) -> int:
        """64 bits that tell it from all others of its institution."""
        about = self.id or f"{self.match_id}|{self.reference}|{self.product}|{self.kind}"
        return name_id(f"{self.institution}|{about}")

    def problems(self, now_s: int, path: str = "") -> list[Problem]:
        """What is wrong with it; nothing, if it may be kept."""
        found = []
        at = f"{path}." if path else ""
        if bool(self.match_id) == bool(self.reference):
            told = self.match_id and self.reference
            found.append(Problem(f"{at}match_id", told, "either match_id or reference must be given, not both"))
        for name in ("match_id", "reference", "product", "id"):
            value = getattr(self, name)
            if len(value) > LONGEST or (value and not value.isprintable()):
                found.append(Problem(f"{at}{name}", value[:LONGEST], f"at most {LONGEST} printable characters"))
        if not 0 < self.at <= now_s + FUTURE_S:
            found.append(Problem(f"{at}at", self.at, f"seconds since 1970, up to {now_s + FUTURE_S}"))
        if not 0 <= self.amount < 1 << 63:
            found.append(Problem(f"{at}amount", self.amount, "nanos of a currency, 0 or more"))
        return found


class Taken(NamedTuple):
    """What became of an outcome that was handed in."""

    status: Literal["recorded", "duplicate", "contradiction"]
    position: int
    """In the log, for `OutcomeBook.durable`; 0 unless it was recorded."""


def directory(data: Path) -> Path:
    """Where the outcomes of a data directory are."""
    return data / "credit" / "outcomes"


def encode(outcome: Outcome) -> bytes:
    """As a log's record."""
    return msgspec.json.encode(outcome)


_decode = msgspec.json.Decoder(Outcome).decode


class OutcomeReader:
    """Every outcome once, in the order of the logs; goes on where it stopped."""

    def __init__(self, folder: Path) -> None:
        self._logs = [LogReader(folder / name) for name in (SERVICE, FILES)]
        self.seen: dict[int, int] = {}
        """By key: the hash of what the outcome says."""

    def read(self) -> Iterator[Outcome]:
        """Those that are new since the last call."""
        for log in self._logs:
            while True:
                records, _ = log.read()
                if not records:
                    break
                for record in records:
                    outcome = _decode(record)
                    if outcome.key not in self.seen:
                        self.seen[outcome.key] = said(outcome)
                        yield outcome


class OutcomeBook:
    """Takes outcomes in. One for each log; ``name`` is `SERVICE` or `FILES`.

    Raises `eventlog.writer.LogBusy` if another process has the log.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._writer = LogWriter(folder / name)
        self._reader = OutcomeReader(folder)
        self.end = 0
        """Position after the last outcome that was taken: a duplicate is sure when this is durable."""
        self.refresh()

    def refresh(self) -> list[Outcome]:
        """Reads what other logs, and this one before it was opened, have of outcomes; returns the new ones."""
        return list(self._reader.read())

    def __len__(self) -> int:
        return len(self._reader.seen)

    def take(self, outcome: Outcome) -> Taken:
        """Appends it unless it is known. It is on disk when `durable` has returned. Raises LogFull."""
        known = self._reader.seen.get(outcome.key)
        if known is not None:
            return Taken("duplicate" if known == said(outcome) else "contradiction", 0)
        position = self.end = self._writer.append(encode(outcome))
        self._reader.seen[outcome.key] = said(outcome)
        return Taken("recorded", position)

    async def durable(self, position: int) -> None:
        """Returns when everything up to ``position`` is on disk. Raises LogFull."""
        if position:
            await self._writer.durable(position)

    def forget(self, outcomes: Iterable[Outcome]) -> None:
        """Those could not be kept after all: they may be handed in again."""
        for outcome in outcomes:
            self._reader.seen.pop(outcome.key, None)

    def wait(self, position: int, patience_s: float = 30.0) -> None:
        """As `durable`, for who has no event loop. Raises Refused when the disk does not take it."""
        deadline = time.monotonic() + patience_s
        while self._writer.published < position:
            if self._writer.shed or time.monotonic() > deadline:
                raise Refused([Problem("outcomes", position, "the disk must take them: it is full, or broken")])
            time.sleep(0.005)

    def close(self) -> None:
        """Syncs what is waiting, and gives the log free."""
        self._writer.close()


def said(outcome: Outcome) -> int:
    """A hash of all that an outcome says but its time: a postback that is sent again is often stamped anew."""
    return name_id(f"{outcome.match_id}|{outcome.reference}|{outcome.product}|{outcome.kind}|{outcome.amount}")
