"""What was offered to whom, why, and with which probability: a record of every match, in an event log.

Under ``<data>/credit/matches`` each worker has a log, and ``catalogues`` has every catalogue that offers were made
from, by its version, so that a record can be read with the products as they were.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credit.matching import Match, Question
from credit.products import Catalogue
from eventlog.reader import LogReader

CATALOGUES = "catalogues"


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
    persons: tuple[int, ...]
    """Keys of the applicant; no other ids are kept."""
    amount: int
    """Nanos."""
    term_months: int
    score: float
    """Of the credit model, as `pd` and `p_approved`; NaN: not known."""
    pd: float
    p_approved: float
    facts: dict[str, float | str | list[str]]
    """Tags of the applicant, as they were compared."""
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
    persons: tuple[int, ...],
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
        persons=persons,
        amount=asked.amount,
        term_months=asked.term_months,
        score=asked.standing.score,
        pd=asked.standing.pd,
        p_approved=asked.standing.p_approved,
        facts={name: sorted(v) if isinstance(v, frozenset) else v for name, v in asked.facts.items()},
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


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(MatchRecord).decode


def keep_catalogue(folder: Path, catalogue: Catalogue) -> str:
    """Files a catalogue under its version, which it returns."""
    version = catalogue.version
    path = folder / CATALOGUES / f"{version}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_bytes(msgspec.json.encode(catalogue))
        beside.replace(path)
    return version


class MatchReader:
    """Records of all workers; goes on where it stopped."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._logs: dict[str, LogReader] = {}

    def read(self, limit: int = 10_000) -> Iterator[MatchRecord]:
        """Those that are new since the last call, at most about ``limit`` of each worker."""
        for path in sorted(self._folder.iterdir()) if self._folder.is_dir() else ():
            if path.is_dir() and path.name != CATALOGUES:
                self._logs.setdefault(path.name, LogReader(path))
        for log in self._logs.values():
            yield from map(_decode, log.read(limit)[0])
