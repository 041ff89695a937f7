"""What was offered to whom, why, and with which probability: a record of every match, in an event log.

Under ``<data>/credit/matches`` each worker has a log, and ``catalogues`` has every catalogue that offers were made
from, by its version, so that a record can be read with the products as they were.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credit.matching import Match, Question
from credit.products import Catalogue
from domain.errors import Problem, Refused
from domain.whole_file import write_whole
from eventlog.archive import Archive
from eventlog.reader import LogReader
from eventlog.rewriting import matching, rewrite

FOLDER = "matches"
CATALOGUES = "catalogues"
_KEY = 8


class Offered(Struct, frozen=True, array_like=True):
    """An offer of a match."""

    product: str
    """``lender/product``"""
    p_approved: float
    expected_value: float
    propensity: float
    """The probability of this offer after those before it."""
    features: tuple[float, ...]
    """By `credit.match_features.NAMES`."""


class MatchRecord(Struct, frozen=True, array_like=True):
    """A match. Fields are only ever appended."""

    id: str
    at_ns: int
    institution: str
    """Whose key asked; empty: the operator."""
    persons: bytes
    """Keys of the applicant, 8 bytes each, little endian; 0: forgotten. No other ids are kept."""
    amount: int
    """Nanos."""
    term_months: int
    score: float
    """Of the credit model, as `pd` and `p_approved`; NaN: not known."""
    pd: float
    p_approved: float
    facts: bytes
    """Tags of the applicant as they were compared, by name, as JSON; zeros: forgotten."""
    catalogue: str
    """Version of the catalogue."""
    policy: str
    """``thompson`` or ``greedy``."""
    even_share: float
    learnt: int
    """Answers that the model of approvals had been fitted to."""
    eligible: int
    candidates: bytes
    """Bits by places in the catalogue, the lowest first: what could have been offered."""
    shares: bytes
    """float32, little endian: of each candidate, the probability of being the first offer."""
    offers: tuple[Offered, ...]

    def tags(self) -> dict[str, Any]:
        """The applicant's; of one who was forgotten, none."""
        return msgspec.json.decode(self.facts, type=dict[str, Any]) if self.facts.strip(b"\0") else {}

    def person_keys(self) -> tuple[int, ...]:
        """Of the applicant; those that were forgotten are 0."""
        return tuple(int.from_bytes(self.persons[at : at + _KEY], "little") for at in range(0, len(self.persons), _KEY))

    def chosen_from(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Places in the catalogue, and their probabilities."""
        bits = np.unpackbits(np.frombuffer(self.candidates, dtype=np.uint8), bitorder="little")
        return np.flatnonzero(bits), np.frombuffer(self.shares, dtype="<f4").astype(np.float64)


def record_of(
    match: Match,
    asked: Question,
    catalogue: Catalogue,
    *,
    version: str,
    at_ns: int,
    institution: str,
    persons: Collection[int],
    policy: str,
    even_share: float,
    learnt: int,
) -> MatchRecord:
    """The record of a match."""
    bits = np.zeros(len(catalogue.products), dtype=bool)
    bits[match.candidates] = True
    return MatchRecord(
        id=match.id,
        at_ns=at_ns,
        institution=institution,
        persons=b"".join(key.to_bytes(_KEY, "little") for key in persons),
        amount=asked.amount,
        term_months=asked.term_months,
        score=asked.standing.score,
        pd=asked.standing.pd,
        p_approved=asked.standing.p_approved,
        facts=_json({name: sorted(v) if isinstance(v, frozenset) else v for name, v in asked.facts.items()}),
        catalogue=version,
        policy=policy,
        even_share=even_share,
        learnt=learnt,
        eligible=match.eligible,
        candidates=np.packbits(bits, bitorder="little").tobytes(),
        shares=match.shares.astype("<f4").tobytes(),
        offers=tuple(
            Offered(
                catalogue.products[offer.product].path,
                offer.p_approved,
                offer.expected_value,
                offer.propensity,
                tuple(offer.features.tolist()),
            )
            for offer in match.offers
        ),
    )


_json = msgspec.json.Encoder().encode
encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(MatchRecord).decode


def keep_catalogue(folder: Path, catalogue: Catalogue) -> str:
    """Files a catalogue under its version, which it returns."""
    version = catalogue.version
    path = folder / CATALOGUES / f"{version}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(catalogue))
    return version


def kept_catalogue(folder: Path, version: str) -> Catalogue:
    """The catalogue of a version that offers were made from. Raises Refused if it is gone."""
    path = folder / CATALOGUES / f"{version}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Catalogue)
    except (OSError, msgspec.MsgspecError) as error:
        raise Refused([Problem(str(path), str(error), "it must be the catalogue that the service kept")]) from None


def worker_log(folder: Path, worker: int, *, durable: bool) -> Archive:
    """One worker's, for records as `encode` makes them. Raises LogBusy if another process is this worker."""
    return Archive(folder / str(worker), durable=durable)


def forget(folder: Path, persons: Collection[int]) -> int:
    """Takes persons out of all records: a match of one of them keeps what was offered and its features, and none of
    the keys and tags of the applicant. Returns how many it was.
    """
    gone, marks = set(persons), [key.to_bytes(_KEY, "little") for key in persons]

    def without(record: bytes) -> bytes | None:
        found = _decode(record)
        if gone.isdisjoint(found.person_keys()):
            return None
        return encode(msgspec.structs.replace(found, persons=bytes(len(found.persons)), facts=bytes(len(found.facts))))

    return sum(rewrite(path, marks, without) for path in logs(folder))


def about(folder: Path, persons: Collection[int]) -> Iterator[MatchRecord]:
    """The matches that are recorded of one of these people."""
    wanted, marks = set(persons), [key.to_bytes(_KEY, "little") for key in persons]
    for path in logs(folder):
        for record in matching(path, marks):
            found = _decode(record)
            if not wanted.isdisjoint(found.person_keys()):
                yield found


def logs(folder: Path) -> list[Path]:
    """The directories of all workers' logs."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if path.is_dir() and path.name != CATALOGUES)


class MatchReader:
    """Records of all workers; goes on where it stopped."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._logs: dict[str, LogReader] = {}

    def read(self, limit: int = 10_000) -> Iterator[MatchRecord]:
        """Those that are new since the last call, at most about ``limit`` of each worker."""
        for path in logs(self._folder):
            self._logs.setdefault(path.name, LogReader(path))
        for log in self._logs.values():
            yield from map(_decode, log.read(limit)[0])
