"""The record of every decision: with what it was made, by which version of which flow, and why.

Records are appended to an event log of their own (`eventlog`), in ``decisions`` below the service's directory. No id is
in them but keys, eight bytes each in a field of their own, so that a person can be taken out of them without moving a
byte (`forget`). A decision's id says where its record lies: it is found again in one read.
"""

import secrets
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from eventlog.archive import Archive
from eventlog.frames import MAX_RECORD, LogFull, split
from eventlog.reader import LogReader
from eventlog.rewriting import rewrite
from eventlog.segments import OFFSET_MASK, place_of, read_mark, segment_path
from risk.flow_form import ListName, Outcome

FOLDER = "decisions"
_HEADER = 8
_NONCE = 5
_KEY = 8
_PLACE_DIGITS = 14


class ScoreRecord(Struct, frozen=True, array_like=True):
    """A score as it was."""

    score: int
    probability: float | None
    reasons: tuple[str, ...]
    version: int


class HitRecord(Struct, frozen=True, array_like=True):
    """A list's entry that the subject was on."""

    list: ListName
    institution: int
    reason: str
    source: str
    expires_s: int
    place: int
    """Of its key among the keys of the subject; -1: it is of a range of addresses."""
    overruled: bool = False
    """Another list stood above it, and it did not count."""


class Decision(Struct, frozen=True, array_like=True, tag="decision"):
    """One decision. Fields are only ever appended."""

    nonce: bytes
    """A part of its id that nobody can guess."""
    time_ns: int
    """UTC."""
    institution: str
    """Who asked; empty: the operator."""
    flow: str
    version: str
    decision: Outcome
    reasons: tuple[str, ...]
    points: float
    keys: bytes
    """Of the subject's ids and, last, of its address if that is known: 8 bytes each, little-endian."""
    kinds: tuple[str, ...]
    """Of these, in the same order."""
    reference: str
    """The caller's own."""
    facts: dict[str, float | bool | str]
    """What was known, by the names of `risk.inputs.FACTS` and those that the flow declares."""
    graph: dict[str, float | bool | None]
    hits: tuple[HitRecord, ...]
    scores: dict[str, ScoreRecord]
    milliseconds: float = 0.0
    """It took so long to reach."""


class Found(NamedTuple):
    """A recorded decision and its id."""

    id: str
    decision: Decision


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Decision).decode


class DecisionLog:
    """The only writer of a directory's decisions, as `eventlog.archive.Archive`."""

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        self.archive = Archive(root / FOLDER, durable=durable)
        self.refused = 0
        """Decisions that could not be recorded since the start."""

    async def record(self, decision: Decision) -> str:
        """Keeps it; returns its id. Raises `eventlog.frames.LogFull`."""
        data = _encode(decision)
        try:
            end = await self.archive.keep(data)
        except LogFull:
            self.refused += 1
            raise
        return id_of(end - len(data) - _HEADER, decision.nonce)

    def close(self) -> None:
        self.archive.close()


def nonce() -> bytes:
    """For a new decision."""
    return secrets.token_bytes(_NONCE)


def id_of(position: int, nonce: bytes) -> str:
    return f"{position:0{_PLACE_DIGITS}x}{nonce.hex()}"


def find(root: Path, id_: str) -> Decision | None:
    """The decision of an id; None: there is none, any more or at all."""
    try:
        number = int(id_, 16)
        if len(id_) < _PLACE_DIGITS + 2 * _NONCE or not id_.isalnum():
            return None
    except ValueError:
        return None
    position, told = number >> 8 * _NONCE, (number & ((1 << 8 * _NONCE) - 1)).to_bytes(_NONCE, "big")
    if position >= 1 << 62:
        return None
    directory = root / FOLDER
    if position >= read_mark(directory):
        return None
    segment, offset = place_of(position)
    try:
        with open(segment_path(directory, segment), "rb", buffering=0) as file:
            file.seek(offset & OFFSET_MASK)
            header = file.read(_HEADER)
            size = int.from_bytes(header[:4], "little")
            if len(header) < _HEADER or size > MAX_RECORD:
                return None
            records, _ = split(header + file.read(size), 0, 1)
    except FileNotFoundError:
        return None
    try:
        found = _decode(records[0]) if records else None
    except msgspec.MsgspecError:
        return None
    return found if found is not None and found.nonce == told else None


def recorded(root: Path, since_ns: int = 0, persons: Collection[int] = ()) -> Iterator[Found]:
    """All decisions that are kept, oldest first, from a time on; with ``persons`` only those about one of them."""
    reader, wanted = LogReader(root / FOLDER), set(persons)
    marks = [key.to_bytes(_KEY, "little") for key in wanted]
    while True:
        records, end = reader.read()
        if not records:
            return
        at = end - sum(len(record) + _HEADER for record in records)
        for record in records:
            if not marks or any(mark in record for mark in marks):
                found = _decode(record)
                if found.time_ns >= since_ns and (not marks or not wanted.isdisjoint(keys_of(found))):
                    yield Found(id_of(at, found.nonce), found)
            at += len(record) + _HEADER


def keys_of(decision: Decision) -> tuple[int, ...]:
    """The subject's keys; those that were forgotten are 0."""
    return tuple(int.from_bytes(decision.keys[at : at + _KEY], "little") for at in range(0, len(decision.keys), _KEY))


def packed(keys: Collection[int]) -> bytes:
    return b"".join(key.to_bytes(_KEY, "little") for key in keys)


def forget(root: Path, persons: Collection[int]) -> int:
    """Takes persons out of all records: a decision about one of them keeps what was decided and why, and none of the
    keys of its subject. Returns how many it was.
    """
    marks = [key.to_bytes(_KEY, "little") for key in persons]

    def without(record: bytes) -> bytes | None:
        found = _decode(record)
        if not set(keys_of(found)) & set(persons):
            return None
        named = b"".join(map(_encode, (found.keys, found.kinds, found.reference)))  # as they lie in the record
        blank = map(_encode, (bytes(len(found.keys)), found.kinds, "-" * len(found.reference)))
        return record.replace(named, b"".join(blank), 1)

    return rewrite(root / FOLDER, marks, without)
