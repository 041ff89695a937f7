"""All worlds of the proof of worth: the base in both markets, and the grid."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from cli.worth_fraud import FraudScores, learn_fraud
from cli.worth_history import Learnt, learn
from cli.worth_report import Cell, as_json
from cli.worth_scores import LearntScores, learn_scores
from cli.worth_trial import CPA_ON, CREDIT_OFF, CREDIT_ON, MARKETS, Contest, Market, Trial
from simulator.applicants import halves, read_applicants
from simulator.click_farms import by_time, read_clicks
from simulator.worth_parameters import GRID, GRID_DAY, GRID_HISTORY, GRID_REHEARSAL, GRID_SEEDS, WorthParameters
from simulator.worth_traffic import WorthWorld

GRID_ARMS = (CPA_ON, CREDIT_OFF, CREDIT_ON)
SHAPE_HISTORY = (
    "click_rate", "application_rate", "app_spread", "taste_spread", "adverse", "fraud_share",
    "fraud_click_rate", "fraud_application_rate", "farm_clicks", "history",
)  # fmt: skip
"""Of the parameters, those that what is learnt of clicks and applications depends on."""


class Proof:
    """The worlds of two files. Raises `Refused` for files that are of another form."""

    def __init__(self, credit: Path, clicks: Path, parameters: WorthParameters | None = None) -> None:
        self.base = parameters or WorthParameters()
        self.people, self.clicks = halves(read_applicants(credit)), by_time(read_clicks(clicks))
        self.scores: dict[int, LearntScores] = {}
        self._fraud: FraudScores | None = None
        self._histories: dict[tuple[Any, ...], Learnt] = {}

    def scores_of(self, side: int) -> LearntScores:
        """Of two halves of the people each is once what is learnt from (``side`` 0 or 1), and once the world."""
        if side not in self.scores:
            earlier, later = self.clicks
            if self._fraud is None:
                with TemporaryDirectory(prefix="worth-") as folder:
                    self._fraud = learn_fraud(Path(folder), earlier, later, self.base.farm_clicks)
            farmed = later.farmed(self.base.farm_clicks)
            self.scores[side] = learn_scores(self.people[side], self.people[1 - side], self._fraud, farmed)
        return self.scores[side]

    def trials(self, seed: int) -> list[Trial]:
        """The base world of a seed, in both markets."""
        return [self._contest(self.base, seed, market).hold(free=True) for market in MARKETS]

    def cell(self, changed: Mapping[str, Any], seeds: int) -> Cell:
        """Worlds of the grid."""
        sizes = {"day": GRID_DAY, "rehearsal": GRID_REHEARSAL, "history": GRID_HISTORY}
        sizes = {name: min(size, getattr(self.base, name)) for name, size in sizes.items()}
        of = msgspec.structs.replace(self.base, **sizes, **changed)
        found = [self._contest(of, seed, "second").hold(GRID_ARMS) for seed in range(1, min(seeds, GRID_SEEDS) + 1)]
        return Cell(changed, found)

    def told(self, trials: Sequence[Trial], cells: Sequence[Cell]) -> dict[str, Any]:
        """All figures, as `cli.worth_report.as_json` has them."""
        qualities = [self.scores_of(side).quality(self.base) for side in sorted(self.scores)]
        return as_json(self.base, qualities, trials, cells)

    def _contest(self, of: WorthParameters, seed: int, market: Market) -> Contest:
        side = (seed - 1) % 2
        scores = self.scores_of(side)
        world = WorthWorld(of, self.people[1 - side], self.clicks[1], seed)
        key = (seed, *(getattr(of, name) for name in SHAPE_HISTORY))
        if key not in self._histories:
            self._histories[key] = learn(world)
        return Contest(world, self._histories[key], scores.of(world), market)


def changes() -> list[dict[str, Any]]:
    """The grid's, in order."""
    return [one for cell in GRID.values() for one in cell]
