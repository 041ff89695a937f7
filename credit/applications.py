"""Applicants that were scored under a lender's reference, or offered something: what was known of them then, and said.

Kept so that a model can be trained of what became of them (`credit.retraining`); an applicant without a reference is
scored and forgotten. An event log under ``<data>/credit/applications``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from eventlog.reader import LogReader
from eventlog.segments import segment_path, segments
from eventlog.writer import LogWriter

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


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Application).decode


class ApplicationLog:
    """The only writer. Raises `eventlog.writer.LogBusy` if another process is."""

    def __init__(self, root: Path, *, durable: bool) -> None:
        self._folder, self._durable = root / FOLDER, durable
        self._writer = LogWriter(self._folder)

    @property
    def shut(self) -> bool:
        """Does the disk take nothing at present?"""
        return self._writer.shut

    async def keep(self, application: Application) -> None:
        """Appends it. Raises LogFull."""
        position = self._writer.append(_encode(application))
        if self._durable:
            await self._writer.durable(position)

    def sweep(self, keep_s: int, now_s: float) -> None:
        """Removes segments whose last record is older."""
        for number in segments(self._folder)[:-1]:
            path = segment_path(self._folder, number)
            if path.stat().st_mtime < now_s - keep_s:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Syncs what is waiting."""
        self._writer.close()


def read(root: Path) -> Iterator[Application]:
    """All that are kept, oldest first."""
    log = LogReader(root / FOLDER)
    while True:
        records, _ = log.read()
        if not records:
            return
        yield from map(_decode, records)
