"""A credit model as a directory: ``model.json``, the trees and what was held out in ``arrays.npz``, the card beside.

It is written under another name, synced and renamed, and never changed afterwards. The JSON has the SHA-256 of the
arrays; what does not fit is refused with the file and the field.
"""

import io
import os
import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credit.approval import Approval
from credit.challenger import Challenger, Encoding
from credit.columns import Schema
from credit.features import Recipe
from credit.points import Scale
from credit.scorecard import Scorecard
from credit.stability import Spread
from credit.target import Outcome
from cython_ext.forest import Forest
from domain.errors import Problem, Refused
from eventlog.segments import sync_directory
from prediction.curve import Curve

FORMAT = 1
MODEL, ARRAYS = "model.json", "arrays.npz"
LARGEST = 256 << 20
Served = str
BOOSTED, SCORECARD = "boosted", "scorecard"
FOREST = ("sizes", "asked", "thresholds", "ahead", "leaves")


class Memory(Struct, frozen=True, eq=False):
    """Rows of training by a hash of what the model reads of them, ascending, and their out-of-fold log odds."""

    keys: NDArray[np.uint64]
    boosted: NDArray[np.float32]
    scorecard: NDArray[np.float32]


class Facts(Struct, frozen=True):
    """What a model is, beside its trees."""

    version: int
    """Seconds since 1970 of when it was made."""
    created_ns: int
    source: str
    rows: int
    bad: float
    schema: Schema
    outcome: Outcome
    recipe: Recipe
    families: tuple[tuple[str, ...], ...]
    scale: Scale
    served: Served
    """Which of the two makes scores: ``boosted`` or ``scorecard``."""
    scorecard: Scorecard
    """Its calibration is in its coefficients."""
    spread: Spread
    approval: Approval
    metrics: dict[str, dict[str, float]]
    """Out of fold, by model."""
    usual: dict[str, float | str | None]
    """Of each column what reasons compare with."""
    notes: dict[str, Any] = {}


class Whole(Struct, frozen=True, eq=False):
    """A model with everything that is kept of it."""

    facts: Facts
    challenger: Challenger
    curve: Curve
    """Calibration of the trees' log odds."""
    memory: Memory


class _Trees(Struct, frozen=True, forbid_unknown_fields=True):
    names: tuple[str, ...]
    encodings: dict[str, tuple[float | None, ...]]
    bias: float


class _Curve(Struct, frozen=True, forbid_unknown_fields=True):
    x: tuple[float, ...]
    y: tuple[float, ...]
    below: float
    above: float


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    facts: Facts
    trees: _Trees
    curve: _Curve
    arrays_sha256: str


def save(path: Path, model: Whole, files: Mapping[str, bytes]) -> None:
    """Writes the directory. Raises Refused if it is there, OSError."""
    if path.exists():
        raise Refused([Problem("--out", str(path), "it is there already, and a model is never changed")])
    forest = model.challenger.forest
    packed = io.BytesIO()
    np.savez_compressed(
        packed,
        keys=model.memory.keys,
        boosted=model.memory.boosted,
        scorecard=model.memory.scorecard,
        **{name: getattr(forest, name) for name in FOREST},
    )
    arrays = packed.getvalue()
    told = _File(
        FORMAT,
        model.facts,
        _Trees(
            model.challenger.names,
            {
                name: tuple(None if np.isnan(number) else number for number in encoding.numbers)
                for name, encoding in model.challenger.encodings.items()
            },
            model.challenger.bias,
        ),
        _Curve(tuple(model.curve.x.tolist()), tuple(model.curve.y.tolist()), model.curve.below, model.curve.above),
        sha256(arrays).hexdigest(),
    )
    draft = path.with_name(path.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name, content in {**files, ARRAYS: arrays, MODEL: msgspec.json.format(msgspec.json.encode(told))}.items():
        with open(draft / name, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    sync_directory(draft)
    os.rename(draft, path)
    sync_directory(path.parent)


def load(path: Path) -> Whole:
    """Raises Refused with what does not fit."""
    file = path / MODEL
    try:
        if file.stat().st_size > LARGEST:
            raise _damaged(file, f"it has {file.stat().st_size} bytes")
        told = msgspec.json.decode(file.read_bytes(), type=_File)
        data = (path / ARRAYS).read_bytes()
    except OSError as error:
        raise Refused(
            [Problem("--model", str(path), f"a directory that `outbid credit train` wrote ({error})")]
        ) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise _damaged(file, str(error)) from None
    if told.format != FORMAT:
        raise _damaged(file, f"format is {told.format}, not {FORMAT}")
    if sha256(data).hexdigest() != told.arrays_sha256:
        raise _damaged(path / ARRAYS, "its bytes are not those that were written")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            forest = Forest(len(told.trees.names), *(arrays[name] for name in FOREST))
            memory = Memory(arrays["keys"], arrays["boosted"], arrays["scorecard"])
    except (ValueError, KeyError, OSError) as error:
        raise _damaged(path / ARRAYS, str(error)) from None
    encodings = {
        name: Encoding(tuple(float("nan") if number is None else number for number in numbers))
        for name, numbers in told.trees.encodings.items()
    }
    curve = Curve(np.array(told.curve.x), np.array(told.curve.y), told.curve.below, told.curve.above)
    return Whole(told.facts, Challenger(told.trees.names, encodings, told.trees.bias, forest), curve, memory)


def _damaged(file: Path, what: str) -> Refused:
    return Refused([Problem(str(file), what, "a model that is whole, as `outbid credit train` wrote it")])
