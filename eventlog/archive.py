"""A log that is kept for years and that nobody reads to its end: decisions, matches, applicants.

Segments go when every consumer has passed them (`eventlog.retention`). Here there is one, the archive itself, which has
always passed what is published; so it is age alone that counts.
"""

import errno
from pathlib import Path

from eventlog import consumers, retention
from eventlog.frames import LogFull
from eventlog.segments import read_mark
from eventlog.writer import LogWriter

HOLDER = "archive"


class Archive:
    """The only writer of ``directory``. Raises `eventlog.writer.LogBusy` if there is one already.

    ``durable``: `keep` returns when the record is on disk; else within 50 ms it is safe from a kill, and within a
    second from a power cut.
    """

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory, self._durable = directory, durable
        self._writer = LogWriter(directory, sync_s=0.0 if durable else 1.0)
        consumers.expect(directory, [HOLDER])

    @property
    def shut(self) -> bool:
        """Does the disk take nothing at present?"""
        return self._writer.shut

    async def keep(self, record: bytes) -> int:
        """Returns the position behind it. Raises LogFull if it is not kept."""
        shed = self._writer.shed
        end = self._writer.append(record)
        if self._durable:
            await self._writer.durable(end)
        elif self._writer.shed != shed:
            raise LogFull(errno.ENOSPC, "the log takes nothing at present")
        return end

    def sweep(self, keep_s: float) -> None:
        """Removes segments whose last record is older."""
        consumers.passed(self.directory, HOLDER, read_mark(self.directory))
        retention.sweep(self.directory, keep_s)

    def close(self) -> None:
        """What was kept is on disk when this returns."""
        self._writer.close()
