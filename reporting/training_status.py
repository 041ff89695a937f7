"""What became of the training jobs of this host: a file that the job replaces whole, and everybody may read."""

import os
from pathlib import Path
from typing import Literal

import msgspec

from prediction.drift import Report
from prediction.metrics import Interval

FILE = "training.json"
MOST_RUNS = 50
"""The newest are remembered."""

State = Literal["running", "made", "too_little", "failed"]


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One training of one target."""

    target: str
    why: str
    """What it was for: ``asked``, ``first``, ``due`` or ``drift``."""
    started_ns: int
    state: State = "running"
    step: str = ""
    """What is being done."""
    share: float = 0.0
    """Of all that is to be done."""
    ended_ns: int = 0
    rows: int = 0
    version: int = 0
    """Of the model that was made; 0: none was."""
    promoted: bool = False
    text: str = ""
    """Why it was not promoted, or not made."""
    figures: dict[str, float] = {}


class Beside(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shadow's and the live model's probabilities of the same impressions, as they were logged."""

    live: int
    shadow: int
    rows: int
    positives: int
    live_figures: dict[str, float]
    """Metrics by name: log loss, AUC, bias …"""
    shadow_figures: dict[str, float]
    differences: dict[str, Interval]
    """Of the shadow's metrics to the live one's; below 0 is better for ``logloss``, above 0 for ``auc``."""
    looked_ns: int = 0


class Status(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    runs: tuple[Run, ...] = ()
    """The newest last."""
    drift: dict[str, Report] = {}
    """By target: what was found of its live model."""
    drift_ns: dict[str, int] = {}
    """When that was looked for."""
    drift_version: dict[str, int] = {}
    """Of which version."""
    shadow: dict[str, Beside] = {}
    """By target."""

    def last(self, target: str, *, made: bool = False) -> Run | None:
        """The newest run of the target that has ended; with ``made`` the newest that made a model."""
        ended = (run for run in reversed(self.runs) if run.target == target and run.state != "running")
        return next((run for run in ended if not made or run.state == "made"), None)


def read(data: Path) -> Status:
    """Nothing is known where there is no file, or none that can be read."""
    try:
        return msgspec.json.decode((data / FILE).read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError):
        return Status()


def write(data: Path, status: Status) -> None:
    data.mkdir(parents=True, exist_ok=True)
    draft = data / f"{FILE}.new"
    with open(draft, "wb") as file:
        file.write(msgspec.json.encode(status))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(data / FILE)


def told(data: Path, run: Run) -> None:
    """Puts a run in the place of its earlier state; one that was running and is not this one was killed."""
    status = read(data)
    before = tuple(
        each if each.state != "running" else msgspec.structs.replace(each, state="failed", text="the job was ended")
        for each in status.runs
        if (each.target, each.started_ns) != (run.target, run.started_ns)
    )
    write(data, msgspec.structs.replace(status, runs=(*before, run)[-MOST_RUNS:]))
