"""What a live model is moved by, as a file beside its versions: ``<data>/models/<target>/corrections.json``.

`online_calibration` writes it every now and then; bidders look at it as they look at what is in service.
"""

import os
from pathlib import Path

import msgspec
import numpy as np

from eventlog.segments import sync_directory
from prediction.artefact import Damaged
from prediction.calibrated import Calibrated
from prediction.scorer import Scorer

FILE = "corrections.json"


class Corrections(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one version of a model. Segments are told by keys of `cython_ext.curves.keys_of`."""

    version: int
    made_ns: int
    keys: list[int]
    offsets: list[float]
    """Log odds, for the key at the same place."""
    shift: float
    """Log odds of all."""


def write(directory: Path, made: Corrections) -> None:
    """Durably and at once, into the directory of the target."""
    draft = directory / f"{FILE}.new"
    with open(draft, "wb") as file:
        file.write(msgspec.json.encode(made))
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, directory / FILE)
    sync_directory(directory)


def read(directory: Path) -> Corrections | None:
    """Of a target; None: there are none. Raises Damaged, OSError."""
    path = directory / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Corrections)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise Damaged(f"{path}: {error}") from None


def applied(scorer: Scorer, version: int, directory: Path) -> Scorer:
    """The model with the corrections of its target, if they are of this version; else as it is.

    Raises Damaged, OSError.
    """
    found = read(directory)
    if found is None or found.version != version or not isinstance(scorer, Calibrated):
        return scorer
    try:
        return scorer.corrected(np.array(found.keys, np.uint64), np.array(found.offsets, np.float64), found.shift)
    except (ValueError, OverflowError) as error:
        raise Damaged(f"{directory / FILE}: {error}") from None
