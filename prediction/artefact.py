"""A trained model as a directory: what it is and where it comes from in ``model.json``, its numbers in ``arrays.bin``.

Other files (a model card, plots, held-out rows) may lie beside them. A directory is written under another name, synced
and renamed, and never changed afterwards. What is read is checked wholly before a model is made of it: an artefact that
was cut short, mixed up or forged is refused with the file, the field and what would have been right.
"""

import os
import shutil
import zlib
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from eventlog.segments import sync_directory
from prediction.feature_set import FeatureSet
from prediction.packing import Packed, pack, unpack
from prediction.scorer import Scorer

FORMAT = 1
MODEL, ARRAYS = "model.json", "arrays.bin"
ALIGNMENT = 64  # bytes: a cache line
PIECE = 1 << 20  # bytes read at once
DEEPEST = 8  # models within models
LARGEST_DESCRIPTION = 16 << 20  # bytes
TYPES = ("<f4", "<f8", "<i4", "<i8", "<u2", "<u4", "<u8", "|i1", "|u1")


class Damaged(ValueError):
    """An artefact that cannot be used; the text names file and field."""


class TrainedOn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rows that a model has learnt from."""

    source: str
    rows: int
    positives: float
    """Sum of their labels."""
    first_ns: int
    last_ns: int
    """When the first and the last happened; 0 where a data set tells no time."""


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of a model beside its numbers."""

    target: str
    """What it predicts: ``ctr``, ``cvr``, ``view_cvr``, ``price`` …"""
    version: int
    """Unsigned 32-bit, never used twice for a target."""
    created_ns: int
    feature_set: FeatureSet | None
    trained_on: TrainedOn
    metrics: dict[str, float] = {}
    """On held-out rows."""
    priors: dict[str, float] = {}
    """Base rates: of all under the empty name, and of parts, as their maker names them."""
    notes: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if not self.target or not self.target.replace("_", "").isalnum():
            raise ValueError(f"target {self.target!r} is not allowed; letters, digits and _ are")
        if not 0 < self.version < 2**32:
            raise ValueError(f"version {self.version} is not allowed; 1 to 2^32 - 1 are")


class _Array(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dtype: str
    shape: tuple[int, ...]
    offset: int
    crc32: int


class _Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: str
    parameters: dict[str, Any]
    arrays: dict[str, _Array]
    members: tuple["_Model", ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    description: Description
    model: _Model
    arrays_bytes: int


def save(path: Path, model: Any, description: Description, files: Mapping[str, bytes] | None = None) -> None:
    """Writes the directory ``path``, durably and at once; ``files`` are others to lie in it.

    Raises FileExistsError if it is there already, TypeError for what is no model, OSError.
    """
    files = files or {}
    if wrong := {MODEL, ARRAYS} & set(files) or {name for name in files if Path(name).name != name}:
        raise ValueError(f"no file beside a model can be called {sorted(wrong)[0]!r}")
    if path.exists():
        raise FileExistsError(f"{path} is there already; an artefact is never changed")
    draft = path.with_name(path.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    with open(draft / ARRAYS, "wb") as file:
        place, length = _write(file, pack(model), 0)
        _sync(file)
    told = _File(FORMAT, description, place, length)
    for name, content in {**files, MODEL: msgspec.json.format(msgspec.json.encode(told))}.items():
        with open(draft / name, "wb") as file:
            file.write(content)
            _sync(file)
    sync_directory(draft)
    os.rename(draft, path)
    sync_directory(path.parent)


def describe(path: Path) -> Description:
    """What is said of a saved model. Raises Damaged, OSError."""
    return _read(path).description


def load(path: Path) -> Scorer:
    """The model, ready to score. Raises Damaged, OSError."""
    model = load_model(path)
    if not isinstance(model, Scorer):
        raise Damaged(f"{path / MODEL}: model.type: a {getattr(model, 'TYPE', '?')} does not score impressions")
    features = describe(path).feature_set
    if features is not None and (features.n_shared, features.n_own) != (model.n_shared, model.n_own):
        raise Damaged(
            f"{path / MODEL}: description.feature_set: has {features.n_shared} + {features.n_own} features, "
            f"the model takes {model.n_shared} + {model.n_own}"
        )
    return model


def load_model(path: Path) -> Any:
    """A model of any kind, those that do not score impressions too. Raises Damaged, OSError."""
    told = _read(path)
    data = _data(path / ARRAYS, told.arrays_bytes)
    packed = _packed(path, told.model, data, "model", 0)
    try:
        return unpack(packed)
    except ValueError as error:
        raise Damaged(f"{path / MODEL}: model.{error}") from None


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _write(file: Any, packed: Packed, at: int) -> tuple[_Model, int]:
    """The model's record and where its arrays end; they are written behind each other."""
    arrays, members = {}, []
    for name, array in packed.arrays.items():
        kept = np.ascontiguousarray(array)
        kept = kept.astype(kept.dtype.newbyteorder("<"), copy=False)
        if kept.dtype.str not in TYPES:
            raise TypeError(f"{name} of a {packed.model_type} is of type {kept.dtype}")
        file.write(bytes(-at % ALIGNMENT))
        at += -at % ALIGNMENT
        raw = kept.tobytes()
        arrays[name] = _Array(kept.dtype.str, kept.shape, at, zlib.crc32(raw))
        file.write(raw)
        at += len(raw)
    for member in packed.members:
        record, at = _write(file, member, at)
        members.append(record)
    return _Model(packed.model_type, dict(packed.parameters), arrays, tuple(members)), at


def _read(path: Path) -> _File:
    file = path / MODEL
    if file.stat().st_size > LARGEST_DESCRIPTION:
        raise Damaged(f"{file}: has {file.stat().st_size} bytes; {LARGEST_DESCRIPTION} are allowed")
    try:
        told = msgspec.json.decode(file.read_bytes(), type=_File)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Damaged(f"{file}: {error}") from None
    if told.format != FORMAT:
        raise Damaged(f"{file}: format: {told.format} is not allowed; {FORMAT} is")
    return told


def _data(file: Path, length: int) -> NDArray[np.uint8]:
    """The bytes of a file that has so many. They are read into memory that is there, in pieces: the whole at once would
    keep other threads of the interpreter waiting.
    """
    with open(file, "rb", buffering=0) as opened:
        found = os.fstat(opened.fileno()).st_size
        if found != length:
            raise Damaged(f"{file}: has {found} bytes, not {length}")
        data = np.empty(length, np.uint8)
        at = 0
        while at < length:
            read = opened.readinto(data.data[at : at + PIECE])
            if not read:
                raise Damaged(f"{file}: has {at} bytes, not {length}")
            at += read
    return data


def _packed(path: Path, model: _Model, data: NDArray[np.uint8], where: str, depth: int) -> Packed:
    if depth > DEEPEST:
        raise Damaged(f"{path / MODEL}: {where}: models stand within models more than {DEEPEST} deep")
    arrays = {name: _array(path, told, data, f"{where}.arrays.{name}") for name, told in model.arrays.items()}
    members = tuple(
        _packed(path, member, data, f"{where}.members[{n}]", depth + 1) for n, member in enumerate(model.members)
    )
    return Packed(model.type, model.parameters, arrays, members)


def _array(path: Path, told: _Array, data: NDArray[np.uint8], where: str) -> NDArray[Any]:
    if told.dtype not in TYPES:
        raise Damaged(f"{path / MODEL}: {where}.dtype: {told.dtype!r} is not allowed; {', '.join(TYPES)} are")
    if not 0 < len(told.shape) <= 3 or min(told.shape) < 0:
        raise Damaged(f"{path / MODEL}: {where}.shape: {list(told.shape)} is not allowed; one to three lengths are")
    dtype = np.dtype(told.dtype)
    end = told.offset + prod(told.shape) * dtype.itemsize
    if told.offset < 0 or told.offset % ALIGNMENT or end > len(data):
        raise Damaged(f"{path / MODEL}: {where}: bytes {told.offset} to {end} of {ARRAYS}, which has {len(data)}")
    if zlib.crc32(data.data[told.offset : end]) != told.crc32:
        raise Damaged(f"{path / ARRAYS}: {where}: bytes {told.offset} to {end} are not those that were written")
    if not prod(told.shape):
        return np.empty(told.shape, dtype)
    array = np.frombuffer(data, dtype, prod(told.shape), told.offset).reshape(told.shape)
    if dtype.kind == "f" and not np.isfinite(array).all():
        at = int(np.flatnonzero(~np.isfinite(array))[0])
        raise Damaged(f"{path / ARRAYS}: {where}: {array.ravel()[at]} at {at}; finite numbers are allowed")
    return array
