"""Rows that a model has not learnt from, kept beside it: what it is judged by before it is put in service."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from prediction.artefact import Damaged
from prediction.rows import Rows, rows

FILE = "held_out.npz"
MOST_ROWS = 200_000
"""The newest are kept."""
_SEGMENT = "segment."


def packed(held_out: Rows) -> bytes:
    """As `FILE`, one of the ``files`` of `prediction.artefact.save`."""
    kept = held_out
    if len(held_out) > MOST_ROWS:
        newest = np.argsort(held_out.time_ns, kind="stable")[-MOST_ROWS:] if held_out.timed else slice(-MOST_ROWS, None)
        kept = held_out.take(newest)
    into = io.BytesIO()
    columns: dict[str, Any] = {f"{_SEGMENT}{name}": ids for name, ids in kept.segment.items()}
    np.savez_compressed(into, values=kept.values, label=kept.label, weight=kept.weight, time_ns=kept.time_ns, **columns)
    return into.getvalue()


def read(directory: Path) -> Rows | None:
    """Of an artefact; None: it has none. Raises Damaged."""
    path = directory / FILE
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise Damaged(f"{path}: {error}") from None
    if missing := {"values", "label", "weight", "time_ns"} - found.keys():
        raise Damaged(f"{path}: {sorted(missing)[0]} is missing")
    try:
        return rows(
            found["values"],
            found["label"],
            weight=found["weight"],
            time_ns=found["time_ns"],
            segment={name.removeprefix(_SEGMENT): ids for name, ids in found.items() if name.startswith(_SEGMENT)},
        )
    except Exception as error:  # whatever was put there in place of numbers
        raise Damaged(f"{path}: {error}") from None
