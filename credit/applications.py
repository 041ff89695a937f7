"""Applicants that were scored under a lender's reference, or offered something: what was known of them then, and said.

Kept so that a model can be trained of what became of them (`credit.retraining`); an applicant without a reference is
scored and forgotten. An event log under ``<data>/credit/applications``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from eventlog.archive import Archive
from eventlog.reader import LogReader

FOLDER = "applications"
MOST_FIELDS = 2_000
"""Columns of an applicant."""
Value = str | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | float | bool | None


class Application(Struct, frozen=True, array_like=True):
    """One applicant. Fields are only ever appended."""

    at_s: int
    institution: str
    match_id: str
    reference: str
    """The lender's own name of the application; either this or ``match_id``."""
    applicant: dict[str, Any]
    """By column, as it was sent."""
    score: int
    pd: float
    p_approved: float
    version: int
    """Of the model."""

    @property
    def about(self) -> str:
        """What its outcomes are about."""
        return about(self.institution, self.match_id, self.reference)


def about(institution: str, match_id: str, reference: str) -> str:
    """A match is the same whoever tells of it; a reference is its institution's."""
    return f"match|{match_id}" if match_id else f"{institution}|{reference}"


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Application).decode


def log_of(root: Path, *, durable: bool) -> Archive:
    """For records as `encode` makes them. Raises `eventlog.writer.LogBusy` if another process writes it."""
    return Archive(root / FOLDER, durable=durable)


def read(root: Path) -> Iterator[Application]:
    """All that are kept, oldest first."""
    log = LogReader(root / FOLDER)
    while True:
        records, _ = log.read()
        if not records:
            return
        yield from map(_decode, records)
