"""Logs of policies as files: the Open Bandit data set's form, and a plain CSV form of one's own."""

import csv
from collections.abc import Iterator, Sequence
from math import isfinite, nan
from pathlib import Path

import numpy as np

from domain.errors import Problem, Refused
from prediction.off_policy import Floats, Logged, frequencies

TARGET = "target:"
"""Columns of the CSV form with this prefix are a policy: the probability of the action that is named after it."""

FEATURE = "x:"


class PolicyLog:
    """A log with the names of its actions and, where the file has one, a policy to be evaluated."""

    def __init__(self, log: Logged, actions: Sequence[str], slots: Sequence[str], target: Floats | None) -> None:
        self.log, self.actions, self.slots, self.target = log, tuple(actions), tuple(slots), target

    @property
    def value(self) -> float:
        """What the policy that wrote the log earned a decision."""
        return float(self.log.reward.mean())

    def policy(self, asked: str, other: "PolicyLog | None" = None) -> Floats:
        """(n, actions): ``uniform``, ``target`` (the file's own), ``always:ACTION`` or ``logged``, as ``other``."""
        if asked == "uniform":
            return np.full((len(self.log), self.log.actions), 1.0 / self.log.actions)
        if asked == "target" and self.target is not None:
            return self.target
        if asked == "logged" and other is not None:
            return self._of(other)
        name = asked.removeprefix("always:")
        if name != asked and name in self.actions:
            found = np.zeros((len(self.log), self.log.actions))
            found[:, self.actions.index(name)] = 1.0
            return found
        allowed = "it must be uniform, always:ACTION with an action of the log, logged:FILE, or, with a CSV file"
        raise Refused([Problem("policy", asked, f"{allowed} that has the columns {TARGET}ACTION, target")])

    def _of(self, other: "PolicyLog") -> Floats:
        """How often the other log has each action in each slot."""
        unknown = [name for name in (*other.actions, *other.slots) if name not in (*self.actions, *self.slots)]
        if unknown:
            raise Refused([Problem("policy", unknown[0], "it must be an action or a slot of the log, too")])
        action = np.array([self.actions.index(name) for name in other.actions])[other.log.action]
        slot = np.array([self.slots.index(name) for name in other.slots])[other.log.slot]
        moved = Logged(action, other.log.reward, other.log.propensity, slot, other.log.features, self.log.actions)
        return frequencies(moved, len(self.slots))[self.log.slot]


def read_obd(path: Path, codes: dict[tuple[str, str], int] | None = None) -> PolicyLog:
    """The Open Bandit data set (Saito et al., NeurIPS 2021): columns item_id, position, click, propensity_score, and
    user_feature_0 to 3. All items from 0 to the highest are actions. ``codes`` numbers the values of user features;
    logs that are read with the same one have the same numbers."""
    rows = list(_rows(path, ("item_id", "position", "click", "propensity_score")))
    items = [_whole(where, "item_id", row) for where, row in rows]
    actions = [str(item) for item in range(max(items) + 1)]
    users = [name for name in rows[0][1] if name.startswith("user_feature_")]
    codes = {} if codes is None else codes
    features = [[codes.setdefault((name, row[name]), len(codes)) for name in users] for _, row in rows]
    positions = [row["position"] for _, row in rows]
    slots = sorted(set(positions))
    log = Logged(
        np.array(items, dtype=np.int64),
        np.array([_number(where, "click", row, 0, 1) for where, row in rows]),
        np.array([_number(where, "propensity_score", row, 0, 1) for where, row in rows]),
        np.array([slots.index(position) for position in positions], dtype=np.int64),
        np.array(features, dtype=np.float64).reshape(len(rows), len(users)),
        len(actions),
    )
    return PolicyLog(log, actions, slots, None)


def read_csv(path: Path) -> PolicyLog:
    """Columns action, reward, propensity; slot if the choices differ by it; ``x:NAME``, numbers that reward models may
    use; ``target:ACTION``, a policy's probability of each action."""
    rows = list(_rows(path, ("action", "reward", "propensity")))
    columns = list(rows[0][1])
    targets = [name for name in columns if name.startswith(TARGET)]
    inputs = [name for name in columns if name.startswith(FEATURE)]
    names = [row["action"] for _, row in rows]
    actions = sorted({*names, *(name.removeprefix(TARGET) for name in targets)})
    place = {name: number for number, name in enumerate(actions)}
    slots = sorted({row.get("slot") or "" for _, row in rows})
    log = Logged(
        np.array([place[name] for name in names], dtype=np.int64),
        np.array([_number(where, "reward", row) for where, row in rows]),
        np.array([_number(where, "propensity", row, 0, 1) for where, row in rows]),
        np.array([slots.index(row.get("slot") or "") for _, row in rows], dtype=np.int64),
        np.array([[_number(where, name, row) for name in inputs] for where, row in rows]).reshape(len(rows), -1),
        len(actions),
    )
    target = None
    if targets:
        target = np.zeros((len(rows), len(actions)))
        for name in targets:
            target[:, place[name.removeprefix(TARGET)]] = [_number(where, name, row, 0, 1) for where, row in rows]
    return PolicyLog(log, actions, slots, target)


FORMATS = {"obd": read_obd, "csv": read_csv}


def _rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, restval="")
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise Refused([Problem(f"{path}, columns", reader.fieldnames, f"there must be {', '.join(missing)}")])
            none = True
            for number, row in enumerate(reader, 2):
                none = False
                yield f"{path}, line {number}", row
            if none:
                raise Refused([Problem(str(path), "", "it must have rows")])
    except OSError as error:
        raise Refused([Problem(str(path), error.strerror, "it must be a file that can be read")]) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused([Problem(str(path), str(error), "it must be a CSV file in UTF-8")]) from None


def _number(where: str, name: str, row: dict[str, str], low: float = -np.inf, high: float = np.inf) -> float:
    try:
        found = float(row[name])
    except ValueError:
        found = nan
    if not (isfinite(found) and low <= found <= high):
        allowed = "it must be a number" if high == np.inf else f"it must be a number from {low:g} to {high:g}"
        raise Refused([Problem(f"{where}, {name}", row[name], allowed)])
    return found


def _whole(where: str, name: str, row: dict[str, str]) -> int:
    text = row[name]
    if not (text.isascii() and text.isdigit() and int(text) < 100_000):
        raise Refused([Problem(f"{where}, {name}", text, "it must be a whole number from 0 to 99999")])
    return int(text)
