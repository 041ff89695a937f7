"""The training job: when a model is due, what becomes of it, and what is noted; the reporter's rows are made up."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from msgspec.structs import replace
from scipy.special import expit, logit

from cli import train_from_store, training_job
from cli.main import main
from cli.online_corrections import correct
from cli.store_rows import Source
from cli.training_job import Job
from domain.clock import SECOND, ManualClock
from domain.errors import Unavailable
from domain.settings import Places
from prediction import artefact, corrections, drift, held_out
from prediction.calibration import Calibration, calibrate
from prediction.curve import SAME
from prediction.features import BID
from prediction.registry import Registry
from reporting import training_status
from reporting.config import Training
from reporting.training import COLUMNS, Stretch
from reporting.training_rows import Outcomes, click_rows, conversion_rows, joined, read
from tests.small_models import keep, learnt, scattered

NOW_NS = 1_800_000_000 * SECOND
DAY = 86_400
ROWS = 2_500
SETTINGS = Training(model="lr", targets=("ctr",), every_s=DAY, first_s=3_600)


def outcomes(rows: int, seed: int, spread: float = 1.5, shift: int = 0) -> tuple[Outcomes, np.ndarray]:
    """Clicks that depend on the site and the creative, and nothing else; and each one's true chance."""
    rng = np.random.default_rng(seed)
    site, creative = rng.integers(0, 8, rows), rng.integers(0, 4, rows)
    effect = np.linspace(-spread, spread, 8)[site] + np.linspace(-0.5, 0.5, 4)[creative]
    chance = 1 / (1 + np.exp(-(effect - 2.0)))
    columns: dict[str, Any] = {name: np.zeros(rows, kind) for name, kind in COLUMNS.items()}
    columns["time_ns"] = np.sort(rng.integers(NOW_NS - 5 * DAY * SECOND, NOW_NS - 3_600 * SECOND, rows))
    columns["bid"] = np.arange(rows, dtype=np.uint64)
    columns["weight"] = np.ones(rows)
    columns["advertiser"] = np.full(rows, 3, np.uint32)
    columns["shown_ns"] = columns["time_ns"] + SECOND
    columns["clicked_ns"] = np.where(rng.random(rows) < chance, columns["time_ns"] + 9 * SECOND, 0)
    values = np.zeros((rows, len(BID.features)), np.uint32)
    values[:, BID.slot("site")] = 1000 + site + shift
    values[:, BID.slot("creative")] = 2000 + creative
    values[:, BID.slot("advertiser")] = 77
    for number in (n for n, feature in enumerate(BID.features) if feature.kind == "number"):
        values[:, number] = 0x7FC00000
    return Outcomes(columns, values), chance


class Reporter:
    """In the place of `Source.rows`."""

    def __init__(self) -> None:
        self.told: Outcomes | Exception = outcomes(ROWS, 1)[0]
        self.recent: Outcomes | None = None

    def rows(self, from_ns: int, to_ns: int, most: int, tell: Any = None) -> Outcomes:
        if isinstance(self.told, Exception):
            raise self.told
        recent = to_ns - from_ns <= training_job.RECENT_S * SECOND
        return self.recent if recent and self.recent is not None else self.told


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    made = ManualClock(NOW_NS)
    monkeypatch.setattr(training_job, "from_env", lambda: made)
    return made


@pytest.fixture
def reporter(monkeypatch: pytest.MonkeyPatch) -> Reporter:
    made = Reporter()
    monkeypatch.setattr(Source, "rows", lambda self, *arguments: made.rows(*arguments))
    return made


@pytest.fixture
def job(tmp_path: Path, clock: ManualClock) -> Iterator[Job]:
    with Job(Places(data_dir=str(tmp_path)), SETTINGS) as made:
        yield made


def test_a_first_model_is_made_put_in_service_and_due_again_after_a_day_or_a_drift(
    job: Job,
    clock: ManualClock,
    reporter: Reporter,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry, data = Registry(job.here.data), job.here.data
    assert job.due("ctr") == "first"
    run = job.train("ctr", "first")
    assert (run.state, run.promoted, run.version, run.text) == ("made", True, 1, ""), run
    assert registry.pointers().live == {"ctr": 1}
    path = registry.path("ctr", 1)
    assert {held_out.FILE, drift.FILE, "card.md", "card.html"} <= {file.name for file in path.iterdir()}
    fresh, chance = outcomes(2_000, 2)
    scores = artefact.load(path).scores(fresh.values)
    assert np.corrcoef(scores, chance)[0, 1] > 0.95 and scores.mean() == pytest.approx(chance.mean(), rel=0.15)
    kept = held_out.read(path)
    assert kept is not None and kept.time_ns.min() > artefact.describe(path).trained_on.last_ns

    assert job.due("ctr") == ""
    clock.advance(4_000)
    assert job.due("ctr") == ""
    reporter.recent = replace(fresh, columns=fresh.columns | {"model": np.ones(2_000, np.uint32)})
    job.look_for_drift("ctr")
    assert training_status.read(data).drift["ctr"].findings == () and job.due("ctr") == ""
    reporter.recent = outcomes(2_000, 3, shift=50)[0]  # sites that nobody has seen
    job.look_for_drift("ctr")
    found = training_status.read(data).drift["ctr"].findings
    assert {finding.subject for finding in found} >= {"site"} and job.due("ctr") == "drift"

    # a shadow and the live one, on the same rows: the shadow is told the truth
    told, truth = outcomes(2_000, 4)
    columns = {"model": np.ones(2_000, np.uint32), "ctr": np.full(2_000, 0.15), "shadow_ctr": truth}
    reporter.recent = Outcomes(told.columns | columns | {"shadow_model": np.full(2_000, 2, np.uint32)}, told.values)
    clock.advance(DAY)
    assert job.due("ctr") == "due"
    job.settings = replace(SETTINGS, auto_promote=False)
    assert job.train("ctr", "due").version == 2 and registry.pointers().live == {"ctr": 1}
    registry.shadow("ctr", 2)
    job.look_for_drift("ctr")
    beside = training_status.read(data).shadow["ctr"]
    assert (beside.live, beside.shadow, beside.rows) == (1, 2, 2_000) and beside.differences["logloss"].high < 0
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(data))
    assert main(["models", "show", "ctr", "2"]) == 0
    assert "live 1 and shadow 2 on the same 2000 impressions" in capsys.readouterr().out
    assert main(["train", "--status"]) == 0
    assert "version 2 of 2,500 rows (due), not in service" in capsys.readouterr().out


def test_a_worse_model_is_not_put_in_service_and_failures_are_noted(
    job: Job, clock: ManualClock, reporter: Reporter
) -> None:
    training_status.told(job.here.data, training_status.Run("ctr", "first", NOW_NS - 5))  # it was killed
    assert job.train("ctr", "asked").promoted
    told, _ = outcomes(ROWS, 5)
    rng, older = np.random.default_rng(6), ROWS * 17 // 20
    noise = told.values.copy()
    noise[:older] = noise[rng.permutation(older)]  # whose clicks these are is lost, but for the newest
    reporter.told = Outcomes(told.columns, noise)
    clock.advance(1)
    worse = job.train("ctr", "asked")
    assert worse.state == "made" and not worse.promoted and "worse than version 1" in worse.text
    assert job.registry.pointers().live == {"ctr": 1}

    reporter.told = outcomes(200, 7)[0]
    clock.advance(1)
    few = job.train("ctr", "asked")
    assert few.state == "too_little" and "at least 100 with the outcome" in few.text
    reporter.told = Unavailable("the store is away")
    clock.advance(1)
    assert job.train("ctr", "asked").text == "the store is away"
    runs = training_status.read(job.here.data).runs
    assert [run.state for run in runs] == ["failed", "made", "made", "too_little", "failed"]
    with pytest.raises(Unavailable), Job(job.here, SETTINGS):
        pass


def test_conversions_that_may_still_come_are_no_negatives() -> None:
    """Half of all clicks convert, after a day on average; clicks grow, so that most are young."""
    rng, rows, rate = np.random.default_rng(8), 20_000, 0.5
    told = outcomes(rows, 9)[0]
    age = rng.exponential(1.5 * DAY, rows)
    delay = rng.exponential(DAY, rows)
    clicked = NOW_NS - (age * SECOND).astype(np.int64)
    came = (rng.random(rows) < rate) & (delay <= age)
    columns = told.columns | {
        "time_ns": clicked - SECOND, "clicked_ns": clicked,
        "converted_ns": np.where(came, clicked + (delay * SECOND).astype(np.int64), 0),
    }  # fmt: skip
    made = conversion_rows(Outcomes(columns, told.values), BID, "cvr", 10 * DAY, NOW_NS)
    assert came.mean() < 0.35 and made.rows.base_rate() == pytest.approx(rate, abs=0.03)
    assert made.conversions == came.sum() and len(made.rows) + made.left_out == rows


def test_a_stream_is_read_piece_by_piece_and_one_that_breaks_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    told, width = outcomes(500, 10)[0], len(BID.features)
    arrays = [pa.array(told[name]) for name in COLUMNS]
    arrays.append(pa.array([row.astype("<u4").tobytes() for row in told.values], pa.binary(4 * width)))
    batch = pa.record_batch(arrays, names=[*COLUMNS, "features"])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        for start in (300, 0):
            stream.write_batch(batch.slice(start, 300))
    found = joined(read(io.BytesIO(sink.getvalue()), width), width)
    assert (found.values == told.values).all() and (found["clicked_ns"] == told["clicked_ns"]).all()
    rows = click_rows(found, BID)
    assert rows.label.sum() == (told["clicked_ns"] > 0).sum() and set(rows.segment) == {
        "advertiser",
        "exchange",
        "format",
    }
    with pytest.raises(ValueError, match="not whole"):
        joined(read(io.BytesIO(sink.getvalue()[:-2_000]), width), width)

    # the share of rows without the outcome is what keeps to the memory that there is
    asked = []
    monkeypatch.setattr(Source, "plan", lambda *_: [Stretch(1, 5, 9_000, 5_000, 1_000), Stretch(5, 9, 9_000, 5_000, 0)])
    monkeypatch.setattr(Source, "_stretch", lambda self, first, last, share: asked.append((first, last, share)) or [])
    Source("http://x", "ctr", width).rows(1, 9, 4_600)
    assert asked == [(1, 5, 0.4), (5, 9, 0.4)]


def test_the_scheduled_command_does_what_is_due(
    tmp_path: Path, clock: ManualClock, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("cli.process.begin", lambda name: None)
    assert train_from_store._scheduled(SETTINGS) == 0
    assert Registry(tmp_path).pointers().live == {"ctr": 1}
    assert train_from_store._scheduled(SETTINGS) == 0
    assert Registry(tmp_path).versions("ctr") == [1]
    reporter.told = Unavailable("gone")
    clock.advance(DAY)
    assert train_from_store._scheduled(SETTINGS) == 1


def test_a_live_model_is_moved_by_what_came_since_it_was_trained(
    job: Job, clock: ManualClock, reporter: Reporter
) -> None:
    assert correct(job, "ctr") is None, "there is none"
    model, until = calibrate(scattered(learnt(), 1), Calibration("none", SAME, (), {}), {}), NOW_NS
    job.registry.promote("ctr", keep(job.registry, "ctr", model, last_ns=until))
    path = job.registry.path("ctr", 1)
    told, _ = outcomes(40_000, 5)
    chance = expit(logit(model.scores(told.values)) + 0.4)
    clock.advance(4 * DAY)
    shift = 4 * DAY * SECOND
    clicked = np.random.default_rng(6).random(40_000) < chance
    at = told["time_ns"] + shift
    columns = {"time_ns": at, "clicked_ns": np.where(clicked, at + 9 * SECOND, 0), "weight": np.full(40_000, 2.0)}
    reporter.told = Outcomes(told.columns | columns, told.values)
    made = correct(job, "ctr")
    assert made is not None and made.version == 1
    assert corrections.read(path.parent) == made
    moved = corrections.applied(model, 1, path.parent).scores(told.values)
    since = at > until
    assert since.any() and moved[since].mean() / chance[since].mean() == pytest.approx(1, abs=0.08)
    assert model.scores(told.values)[since].mean() / chance[since].mean() < 0.8
    reporter.told = Outcomes(told.columns, told.values)  # all of it before what was learnt from
    reporter.told.columns["time_ns"] = np.full(40_000, until - SECOND)
    again = correct(job, "ctr")
    assert again is not None and (again.keys, again.shift) == ([], 0.0)


def test_late_conversions_do_not_lower_a_live_model(job: Job, reporter: Reporter) -> None:
    model = calibrate(scattered(learnt(), 1), Calibration("none", SAME, (), {}), {})
    job.registry.promote("cvr", keep(job.registry, "cvr", model, last_ns=NOW_NS - 5 * DAY * SECOND))
    told, _ = outcomes(40_000, 7)
    rng = np.random.default_rng(8)
    clicked = told["time_ns"] + 9 * SECOND
    converted = clicked + (rng.exponential(2 * DAY, 40_000) * SECOND).astype(np.int64)
    converts = rng.random(40_000) < model.scores(told.values)
    there = np.where(converts & (converted <= NOW_NS), converted, 0)
    reporter.told = Outcomes(told.columns | {"clicked_ns": clicked, "converted_ns": there}, told.values)
    made = correct(job, "cvr")
    assert there.astype(bool).sum() < 0.7 * converts.sum()
    assert made is not None and abs(made.shift) < 0.12, "all is as it was said; most is yet to come"
