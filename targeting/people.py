"""What a profile store does, wherever it keeps its records: in LMDB on this host, or in Redis for a fleet."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from targeting.edits import Impression
from targeting.identity import IdentityMap
from targeting.record import NEVER
from targeting.record_editor import Editor

Edit = Callable[[Editor], object]
"""Changes a record that an editor has loaded. It may be called more than once for one change."""


def impression(
    at_s: int, campaign: int, line_item: int, advertiser: int = 0, creative: int = 0, *, relates: bool = True
) -> Edit:
    """Counts an impression shown at ``at_s`` (unix seconds) for the frequency caps. ``relates``: it is also the
    advertiser's last impression; not so in the counters of a device or a household.
    """
    return Impression(at_s, campaign, line_item, advertiser, creative, relates)


@dataclass(frozen=True)
class Change:
    """What replacing an audience did."""

    added: int
    removed: int
    size: int


class Profiles(Protocol):
    """The records of persons, and the members of audiences. A person can be given by any of their keys."""

    @property
    def identity(self) -> IdentityMap:
        """Which keys are one person."""

    def get_many(self, persons: Sequence[int]) -> list[bytes | None]:
        """The packed records of persons, None where there is none."""

    def change(self, edits: Iterable[tuple[int, Edit]]) -> None:
        """Changes records, each whole, in order for each person. None is lost to another writer. An edit may be
        called more than once for one change: what it leaves beside its editor is that of its last call.
        """

    def join(self, segment: int, persons: Iterable[int], expires_s: int = NEVER) -> int:
        """Makes persons members of an audience until ``expires_s`` (unix seconds); returns how many were not."""

    def leave(self, segment: int, persons: Iterable[int]) -> int:
        """Ends persons' membership of an audience; returns how many were members."""

    def list_members(self, segment: int, members: Mapping[int, bool]) -> None:
        """Says beside the records which persons are members of an audience, and which are not; for who changed the
        records.
        """

    def replace_audience(self, segment: int, persons: Iterable[int], expires_s: int = NEVER) -> Change:
        """Makes ``persons`` the whole of an audience. If broken off, run it again."""

    def members(self, segment: int) -> list[int]:
        """Persons of an audience, ascending, whether or not their membership has expired meanwhile."""

    def size(self, segment: int) -> int:
        """How many persons an audience has."""

    def close(self) -> None: ...
