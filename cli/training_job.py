"""Training as a job: one target after another, one job of a host at a time, told as it goes on.

Rows come from the reporter, the model is made and judged, written as a new version, and put in service if it passes the
gate. Whatever ends a run is written into the status (`reporting.training_status`), where the reporter, the command line
and the alerts find it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from cli.store_rows import Source
from domain.clock import SECOND, from_env
from domain.errors import Problem, Refused, Unavailable

if TYPE_CHECKING:
    from domain.settings import Places
    from prediction.artefact import Description
    from prediction.promotion import Verdict
    from prediction.rows import Rows
    from prediction.training import Trained, TrainSettings
    from reporting.config import Training
    from reporting.training_rows import Outcomes
    from reporting.training_status import Run

Tell = Callable[[str, float], None]
LOCK = "training.lock"
RECENT_S = 86_400
"""How far back rows are looked at for drift …"""
RECENT_ROWS = 50_000
"""… and about how many."""
READING = 0.4
"""Share of a run's progress that reading is."""
LEVELS = (("advertiser",), ("advertiser", "exchange"), ("format",))
"""Segments that are calibrated for themselves (`prediction.calibration`)."""
FEW_ROWS = 300_000
"""Up to so many rows a logistic regression is learnt at once, with a prior on its weights; nothing is chosen …"""
PRIOR_L2 = 10.0
"""… its inverse variance: effects of about a third of the odds, as those of sites, creatives and devices are."""
LONG_NS = 7 * 86_400 * SECOND
"""Rows of less are calibrated on folds that are drawn: the newest of a day are of its evening, and have its level."""
FEW_OUTCOMES = 5_000
"""Up to so many outcomes a calibration is a line: the steps of an isotonic one are wider than what they put right."""
LEAST_OUTCOMES = 100
"""Of either kind, among the rows: with fewer nothing can be learnt and judged."""
FIGURES = ("rows", "base_rate", "auc", "logloss", "normalised_entropy", "ece", "ece_null", "bias", "ks")


class Job:
    """Of one data directory; `with` holds the lock. Raises Unavailable if another job has it."""

    def __init__(self, here: "Places", settings: "Training", tell: Tell = lambda step, share: None) -> None:
        from domain.file_lock import FileLock
        from prediction.registry import Registry

        self.here, self.settings, self.tell = here, settings, tell
        self.clock, self.registry = from_env(), Registry(here.data)
        self._lock = FileLock(here.data / LOCK)

    def __enter__(self) -> "Job":
        if not self._lock.take():
            raise Unavailable(f"{self.here.data / LOCK}: another job is training; it is done one at a time")
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def train(self, target: str, why: str) -> "Run":
        """Makes a model, and puts it in service if that is wanted and it is good enough; never raises for what a run
        can end with.
        """
        from msgspec.structs import replace

        from cli.ask import NoAnswer
        from reporting import training_status
        from reporting.training_status import Run

        run = Run(target, why, self.clock.now_ns())

        def tell(step: str, share: float) -> None:
            nonlocal run
            run = replace(run, step=step, share=round(share, 3))
            training_status.told(self.here.data, run)
            self.tell(f"{target}: {step}", share)

        tell("begun", 0.0)
        try:
            run = self._priced(run, tell) if target == "price" else self._made(run, tell)
        except Refused as error:
            run = replace(run, state="too_little", text=str(error))
        except (NoAnswer, Unavailable, OSError, ValueError, MemoryError) as error:
            run = replace(run, state="failed", text=str(error) or type(error).__name__)
        run = replace(run, ended_ns=self.clock.now_ns(), share=1.0, step="")
        training_status.told(self.here.data, run)
        return run

    def due(self, target: str) -> str:
        """Why a model of the target is to be made now; empty: it is not."""
        from reporting import training_status

        status, now_ns = training_status.read(self.here.data), self.clock.now_ns()
        last, made = status.last(target), status.last(target, made=True)
        live = self.registry.pointers().live.get(target, 0)
        if last is not None and now_ns - last.started_ns < self.settings.first_s * SECOND:
            return ""
        if not live:
            return "first"
        if made is None or now_ns - made.started_ns >= self.settings.every_s * SECOND:
            return "due"
        report = status.drift.get(target)
        newest = status.drift_ns.get(target, 0)
        if report is not None and newest > made.started_ns and status.drift_version.get(target) == live:
            return "drift" if any(found.severity == "critical" for found in report.findings) else ""
        return ""

    def look_for_drift(self, target: str) -> None:
        """Compares what was bid lately with what the live model was trained on, and a shadow with it on what both
        said; notes what was found.
        """
        from msgspec.structs import replace

        from prediction import drift
        from prediction.artefact import Damaged, load
        from prediction.features import BID
        from reporting import training_status
        from reporting.training_rows import beside

        version = self.registry.pointers().live.get(target, 0)
        if target == "price" or not version:
            return
        path, now_ns = self.registry.path(target, version), self.clock.now_ns()
        try:
            sketch, model = drift.read(path), load(path)
        except (Damaged, OSError):
            return  # bidders say so
        if sketch is None:
            return
        source = Source(self.here.reporter_base, target, len(BID.features))
        recent = source.rows(now_ns - RECENT_S * SECOND, now_ns, RECENT_ROWS)
        if not len(recent):
            return
        report = drift.compare(sketch, recent.values, BID, model.scores(recent.values), recent["weight"])
        status = training_status.read(self.here.data)
        shadow = self.registry.pointers().shadow.get(target, 0)
        if shadow and (found := beside(recent, version, shadow, now_ns)):
            status = replace(status, shadow=status.shadow | {target: found})
        status = replace(
            status,
            drift=status.drift | {target: report},
            drift_ns=status.drift_ns | {target: now_ns},
            drift_version=status.drift_version | {target: version},
        )
        training_status.write(self.here.data, status)

    def _made(self, run: "Run", tell: Tell) -> "Run":
        from msgspec.structs import replace

        from prediction import artefact, drift, held_out
        from prediction.features import BID
        from prediction.training import train

        rows, left_out = self._rows(run.target, tell)
        enough(rows)
        settings = train_settings(rows, self.settings.model, self.settings.test_share)
        made = train(BID, rows, settings, lambda share: tell("learning", READING + (1 - READING) * share))
        version = self.registry.draw(run.target)
        told, judged = self._described(run.target, version, made), made.judgement
        sketch = drift.sketch(made.learnt_from.values, BID, judged.scores, made.learnt_from.weight)
        files = self._card(told, made) | {
            held_out.FILE: held_out.packed(judged.rows),
            drift.FILE: drift.packed(sketch),
        }
        artefact.save(self.registry.path(run.target, version), made.model, told, files)
        run = replace(run, state="made", rows=len(rows), version=version, figures=told.metrics, text=left_out)
        return self._judged(run)

    def _priced(self, run: "Run", tell: Tell) -> "Run":
        from msgspec.structs import replace

        from prediction import artefact
        from prediction.artefact import Description, TrainedOn
        from reporting.price_rows import learn

        told = self._outcomes("price", 0, tell)
        tell("learning", READING)
        made = learn(told, self.settings.test_share)
        version, times = self.registry.draw("price"), told["time_ns"]
        learnt = TrainedOn(self._source(), made.rows, made.won, int(times.min()), int(times.max()))
        description = Description(
            "price", version, self.clock.now_ns(), None, learnt, made.figures, notes={"positives": "bids that won"}
        )
        artefact.save(self.registry.path("price", version), made.landscape, description)
        return self._judged(replace(run, state="made", rows=made.rows, version=version, figures=made.figures))

    def _described(self, target: str, version: int, made: "Trained") -> "Description":
        from prediction.artefact import Description, TrainedOn
        from prediction.features import BID
        from prediction.training import described

        rows, metrics = made.learnt_from, made.judgement.metrics
        figures = {name: float(getattr(metrics, name)) for name in FIGURES}
        for name, (low, high) in metrics.intervals.items():
            figures |= {f"{name}_low": low, f"{name}_high": high}
        return Description(
            target,
            version,
            self.clock.now_ns(),
            BID,
            TrainedOn(
                self._source(),
                len(rows),
                float(rows.label @ rows.weight),
                int(rows.time_ns.min()),
                int(rows.time_ns.max()),
            ),
            metrics=figures,
            priors={"": rows.base_rate()},
            notes={
                "model": self.settings.model,
                "members": described(made.settings, made.weights),
                "calibration": made.calibration,
            },
        )

    def _card(self, told: "Description", made: "Trained") -> dict[str, bytes]:
        from prediction import card

        rows = made.judgement.rows
        return card.files(told, rows.label, made.judgement.scores, rows.weight, segments=rows.segment)

    def _judged(self, run: "Run") -> "Run":
        from msgspec.structs import replace

        from prediction.promotion import judge

        verdict: Verdict = judge(self.registry, run.target, run.version)
        run = replace(run, figures=run.figures | verdict.figures)
        if not verdict.allowed:
            return replace(run, text="; ".join(verdict.against))
        if not self.settings.auto_promote:
            return replace(run, text="[training] auto_promote is off")
        self.registry.promote(run.target, run.version)
        return replace(run, promoted=True)

    def _source(self) -> str:
        return f"the analytics store, {self.settings.days} days"

    def _rows(self, target: str, tell: Tell) -> "tuple[Rows, str]":
        from prediction.features import BID
        from reporting.training_rows import click_rows, conversion_rows

        found, now_ns = self._outcomes(target, len(BID.features), tell), self.clock.now_ns()
        if target == "ctr":
            return click_rows(found, BID), ""
        made = conversion_rows(found, BID, target, self.settings.window_s, now_ns)
        return made.rows, f"{made.left_out} were too young to tell" if made.left_out else ""

    def _outcomes(self, target: str, features: int, tell: Tell) -> "Outcomes":
        now_ns, settings = self.clock.now_ns(), self.settings
        return Source(self.here.reporter_base, target, features).rows(
            now_ns - settings.days * 86_400 * SECOND,
            now_ns - int(settings.settle_s * SECOND),
            settings.most_rows,
            lambda step, share: tell(step, READING * share),
        )


def enough(rows: "Rows") -> None:
    """Raises Refused."""
    positive = int((rows.label > 0).sum())
    if min(positive, len(rows) - positive) < LEAST_OUTCOMES:
        allowed = f"at least {LEAST_OUTCOMES} with the outcome are needed, and as many without"
        raise Refused([Problem("rows", f"{len(rows)}, {positive} of them with the outcome", allowed)])


def train_settings(
    rows: "Rows", model: "Literal['lr', 'ffm', 'trees', 'blend']", test_share: float, *, refit: bool = False
) -> "TrainSettings":
    """How a model of so many rows is made."""
    from prediction.fitting.columns import ExpansionSettings
    from prediction.fitting.linear import LinearSettings
    from prediction.training import TrainSettings

    few = float(rows.label.sum()) < FEW_OUTCOMES
    places = ExpansionSettings(bits=20, buckets=16, least=3)
    given = (LinearSettings("batch", expansion=places, l2=PRIOR_L2),) if len(rows) <= FEW_ROWS else ()
    return TrainSettings(
        model,
        test_share,
        levels=LEVELS,
        weigh_by_time=len(rows) > 0 and int(rows.time_ns.max() - rows.time_ns.min()) > LONG_NS,
        given=given if model == "lr" else (),
        method="platt" if few else "best",
        refit=refit,
    )
