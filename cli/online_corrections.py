"""A live model moved by what came of the bids since it was trained, as the training job does it hour by hour.

Everything is counted anew from the analytics store each time: what was served after the last row that the model has
learnt from, and what has come of it. So there is no state to lose, and late or corrected outcomes count as they are.
"""

from typing import TYPE_CHECKING

from cli.store_rows import Source
from domain.clock import SECOND

if TYPE_CHECKING:
    from cli.training_job import Job
    from prediction.calibrated import Calibrated
    from prediction.corrections import Corrections
    from prediction.delays import Delays
    from prediction.online_calibration import OnlineCalibration
    from reporting.training_rows import Outcomes

TARGETS = ("ctr", "cvr")
"""Those that bids are made by."""
ROWS = 300_000
"""About how many are read; of more, those without the outcome are a sample, and weigh the more."""
CONVERSIONS_LAST_S = 30 * 86_400.0
"""Clicks older than this tell nothing of today's conversions; a day's clicks are too few to tell it by."""


def correct(job: "Job", target: str) -> "Corrections | None":
    """Writes what the target's live model is to be moved by; None: there is nothing to move, or to move it by.

    Raises `ask.NoAnswer`, Damaged, OSError.
    """
    from prediction import artefact, corrections
    from prediction.calibrated import Calibrated
    from prediction.features import BID
    from prediction.online_calibration import OnlineCalibration, OnlineSettings

    version, now_ns = job.registry.pointers().live.get(target, 0), job.clock.now_ns()
    if target not in TARGETS or not version:
        return None
    path = job.registry.path(target, version)
    model, learnt_until = artefact.load(path), artefact.describe(path).trained_on.last_ns
    if not isinstance(model, Calibrated):
        return None
    clicks = target == "ctr"
    settings = OnlineSettings() if clicks else OnlineSettings(window_s=CONVERSIONS_LAST_S, half_life_s=7 * 86_400.0)
    begin = max(now_ns - int(settings.window_s * SECOND), learnt_until + 1)
    until = now_ns - int(job.settings.settle_s * SECOND)
    found = Source(job.here.reporter_base, target, len(BID.features)).rows(
        begin if clicks else now_ns - job.settings.days * 86_400 * SECOND, until, ROWS
    )
    if not len(found):
        return None
    online = OnlineCalibration.of(version, model, BID, settings)
    delays = None if clicks else _delays(found, job.settings.window_s, now_ns)
    _count(online, found, model, begin, clicks)
    made = online.corrections(now_ns, delays)
    corrections.write(path.parent, made)
    return made


def _delays(found: "Outcomes", window_s: float, now_ns: int) -> "Delays":
    from prediction.features import BID
    from reporting.training_rows import conversion_rows

    return conversion_rows(found, BID, "cvr", window_s, now_ns).delays


def _count(online: "OnlineCalibration", found: "Outcomes", model: "Calibrated", begin: int, clicks: bool) -> None:
    """Impressions and which were clicked; or clicks, and which have converted."""
    from prediction.features import BID

    at = found["time_ns"] if clicks else found["clicked_ns"]
    came = found["clicked_ns"] > 0 if clicks else found["converted_ns"] > 0
    rows = at >= begin
    values, score = found.values[rows], model.scores(found.values[rows])
    for source, outcome, chosen in (("served", False, slice(None)), ("outcomes", True, came[rows])):
        online.count(
            source,
            0,
            1,
            served_ns=at[rows][chosen],
            score=score[chosen],
            segments={name: column[chosen] for name, column in online.segments(values, BID).items()},
            outcome=outcome,
            weight=found["weight"][rows][chosen],
        )
