"""Files of training rows, read whole; and what an artefact keeps of the format, so that other files are read alike."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from domain.errors import Problem, Refused
from prediction.artefact import Damaged
from prediction.datasets.dataset import Dataset, History
from prediction.datasets.formats import dataset
from prediction.datasets.lines import Bad
from prediction.datasets.mapping import Mapping
from prediction.feature_set import FeatureSet
from prediction.rows import Rows, joined

SOURCE, HISTORY = "dataset.json", "history.npz"
"""Files of an artefact: its rows' format, and what rows that come later need to know of those it was trained on."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The format of the files that a model was trained on."""

    format: str
    mapping: Mapping | None = None


class Loaded(msgspec.Struct, frozen=True, eq=False):
    """All rows of some files, in their order."""

    source: Source
    features: FeatureSet
    rows: Rows
    bad: Bad
    history: History

    def files(self) -> dict[str, bytes]:
        """What an artefact keeps of them, by name."""
        told = {SOURCE: msgspec.json.format(msgspec.json.encode(self.source))}
        if self.history:
            packed = io.BytesIO()
            np.savez_compressed(packed, **self.history)  # type: ignore[arg-type]
            told[HISTORY] = packed.getvalue()
        return told


def load(source: Source, paths: Sequence[Path], most: int, progress: Callable[[float], None]) -> Loaded:
    """The rows of files that follow each other. `Refused` if there are more than ``most`` of them, or none."""
    bad, parts, rows = Bad(), [], 0
    history: History = {}
    reading: Dataset | None = None
    for number, path in enumerate(paths):
        reading = dataset(source.format, path, source.mapping)
        if history:
            reading.resume(history)
        for part in reading:
            parts.append(part)
            rows += len(part)
            if rows > most:
                raise Refused([Problem("--most-rows", most, f"{path} has more; they are held in memory")])
            progress((number + reading.share) / len(paths))
        history = reading.history()
        bad.count += reading.bad.count
        bad.first += [f"{path}: {told}" for told in reading.bad.first]
    if reading is None or not rows:
        told = f"a file with rows of the format {source.format}" + (f" ({bad.first[0]})" if bad.first else "")
        raise Refused([Problem("--data", ", ".join(map(str, paths)), f"it must be {told}")])
    return Loaded(source, reading.features, joined(parts), bad, history)


def source_of(artefact: Path) -> Source | None:
    """The format that an artefact's model was trained on files of; None if it was not. Raises Damaged."""
    try:
        return msgspec.json.decode((artefact / SOURCE).read_bytes(), type=Source)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise Damaged(f"{artefact / SOURCE}: {error}") from None


def history_of(artefact: Path) -> History:
    """What rows that come after those of training need to know of them. Raises Damaged."""
    path = artefact / HISTORY
    if not path.exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}
    except (ValueError, OSError, EOFError, KeyError) as error:
        raise Damaged(f"{path}: {error}") from None
    except Exception as error:  # zipfile and zlib raise their own
        raise Damaged(f"{path}: {type(error).__name__}: {error}") from None
