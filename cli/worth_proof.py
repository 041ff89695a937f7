"""All worlds of the proof of worth: the base in both markets, and the grid."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from cli.worth_fraud import learn_fraud
from cli.worth_history import Learnt, learn
from cli.worth_report import Cell, as_json
from cli.worth_scores import LearntScores, learn_scores
from cli.worth_trial import CPA_ON, CREDIT_OFF, CREDIT_ON, MARKETS, Contest, Trial
from simulator.applicants import halves, read_applicants
from simulator.click_farms import by_time, read_clicks
from simulator.worth_parameters import GRID, GRID_DAY, GRID_HISTORY, GRID_REHEARSAL, GRID_SEEDS, WorthParameters
from simulator.worth_traffic import WorthWorld

Tell = Callable[[str], None]
GRID_ARMS = (CPA_ON, CREDIT_OFF, CREDIT_ON)
SHAPE_HISTORY = (
    "click_rate", "application_rate", "app_spread", "taste_spread", "adverse", "fraud_share",
    "fraud_click_rate", "fraud_application_rate", "farm_clicks", "history",
)  # fmt: skip
"""Of the parameters, those that what is learnt of clicks and applications depends on."""


def prove(
    credit: Path, clicks: Path, seeds: int, grid: bool, tell: Tell, parameters: WorthParameters | None = None
) -> dict[str, Any]:
    """All figures, as `cli.worth_report.as_json` has them. Raises `Refused` for files that are of another form."""
    base = parameters or WorthParameters()
    people, farms = halves(read_applicants(credit)), by_time(read_clicks(clicks))
    tell("learning the scores")
    with TemporaryDirectory(prefix="worth-") as folder:
        fraud = learn_fraud(Path(folder), *farms, base.farm_clicks)
    farmed = farms[1].farmed(base.farm_clicks)
    # of two halves of the people each is once what is learnt from and once the world
    scores = [learn_scores(people[side], people[1 - side], fraud, farmed) for side in range(min(seeds, 2))]
    histories: dict[tuple[Any, ...], Learnt] = {}

    def world_of(of: WorthParameters, seed: int) -> tuple[WorthWorld, Learnt, LearntScores]:
        side = (seed - 1) % 2
        world = WorthWorld(of, people[1 - side], farms[1], seed)
        key = (seed, *(getattr(of, name) for name in SHAPE_HISTORY))
        if key not in histories:
            histories[key] = learn(world)
        return world, histories[key], scores[side]

    trials: list[Trial] = []
    for seed in range(1, seeds + 1):
        world, learnt, known = world_of(base, seed)
        for market in MARKETS:
            tell(f"world {seed}, {market} prices")
            trials.append(Contest(world, learnt, known.of(world), market).hold(free=True))
    cells = []
    for changed in [one for cell in GRID.values() for one in cell] if grid else ():
        tell(f"grid: {changed}")
        of = msgspec.structs.replace(base, day=GRID_DAY, rehearsal=GRID_REHEARSAL, history=GRID_HISTORY, **changed)
        made = []
        for seed in range(1, min(seeds, GRID_SEEDS) + 1):
            world, learnt, known = world_of(of, seed)
            made.append(Contest(world, learnt, known.of(world), "second").hold(GRID_ARMS))
        cells.append(Cell(changed, made))
    return as_json(base, [one.quality(base) for one in scores], trials, cells)
