"""What is in service: promoted behind a gate, taken back, put in the shadow; readers see one state or the next."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cli.main import main
from domain.errors import Refused
from prediction.artefact import Damaged
from prediction.held_out import MOST_ROWS, packed, read
from prediction.linear import Linear
from prediction.promotion import judge
from prediction.registry import Pointers, Registry
from prediction.rows import Rows
from tests.small_models import clicks, damage, ignorant, keep, learnt, moved, other_features

MODEL = learnt()
HELD_OUT = clicks(8_000, seed=2)
OFF = ["miscalibrated: it promises", "miscalibrated: its calibration error"]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


def test_versions_are_promoted_and_taken_back(registry: Registry) -> None:
    assert registry.targets() == [] and registry.pointers() == Pointers()
    first, second, third = (keep(registry, "ctr", MODEL) for _ in range(3))
    assert (first, second, third) == (1, 2, 3) and registry.versions("ctr") == [1, 2, 3]
    assert [registry.promote("ctr", version) for version in (first, second, second, third)] == [
        0,
        first,
        second,
        second,
    ]
    registry.shadow("ctr", second)
    assert registry.pointers() == Pointers({"ctr": 3}, {"ctr": 2}, {"ctr": (0, 1, 2)}, {"ctr": 3})
    assert registry.promote("ctr", second) == third and registry.pointers().shadow == {}
    for file in registry.path("ctr", third).iterdir():
        file.unlink()
    assert [registry.rollback("ctr") for _ in range(3)] == [second, first, 0]  # the third is gone from the disk
    assert registry.pointers().live == {}
    with pytest.raises(Refused, match="nothing was in service"):
        registry.rollback("ctr")
    assert registry.draw("ctr") == 4  # the third's number is not given out again


@pytest.mark.parametrize("act", [Registry.promote, Registry.shadow, Registry.describe])
def test_what_is_not_there_is_refused_by_name(registry: Registry, act: Callable[..., object]) -> None:
    with pytest.raises(Refused, match="target: 'ctr' is not allowed; there are no models"):
        act(registry, "ctr", 1)
    keep(registry, "cvr", MODEL)
    with pytest.raises(Refused, match="target: 'ctr' is not allowed; one of cvr is"):
        act(registry, "ctr", 1)
    with pytest.raises(Refused, match="version: 7 is not allowed; cvr has 1"):
        act(registry, "cvr", 7)


@pytest.mark.parametrize("text", ["", "{", '{"live": {"ctr": "1"}}', '{"life": {}}', "[]"])
def test_pointers_that_cannot_be_read_are_named_and_stay(registry: Registry, text: str) -> None:
    version = keep(registry, "ctr", MODEL)
    registry.pointers_file.write_text(text)
    for act in (registry.pointers, lambda: registry.promote("ctr", version), lambda: registry.draw("ctr")):
        with pytest.raises(Damaged, match=r"live\.json"):
            act()
    assert registry.pointers_file.read_text() == text


def _draw_and_promote(data: Path, count: int) -> list[int]:
    registry = Registry(data)
    return [(registry.draw("ctr"), registry.promote("ctr", 1 + number % 2))[0] for number in range(count)]


def test_changes_of_several_processes_are_made_one_at_a_time(registry: Registry, tmp_path: Path) -> None:
    keep(registry, "ctr", MODEL), keep(registry, "ctr", MODEL)
    with multiprocessing.get_context("fork").Pool(3) as pool:
        drawn = [pool.apply_async(_draw_and_promote, (tmp_path, 20)) for _ in range(3)]
        found = sorted(number for each in drawn for number in each.get(60))
    assert found == list(range(3, 63)) and registry.pointers().live["ctr"] in (1, 2)


@pytest.mark.parametrize(
    ("live", "candidate", "against"),
    [
        (None, MODEL, []),
        (ignorant(MODEL, 0.1875), MODEL, []),
        (MODEL, MODEL, []),
        (MODEL, ignorant(MODEL, 0.1875), ["worse than version 1"]),
        (None, moved(MODEL, 0.5), OFF),
        (MODEL, moved(MODEL, -0.5), [*OFF, "worse than version 1"]),
    ],
    ids=["the first", "better", "as good", "worse", "too high", "too low and worse"],
)  # fmt: skip
def test_what_is_worse_or_miscalibrated_is_refused(
    registry: Registry, live: Linear | None, candidate: Linear, against: list[str]
) -> None:
    if live is not None:
        registry.promote("ctr", keep(registry, "ctr", live, HELD_OUT))
    found = judge(registry, "ctr", keep(registry, "ctr", candidate, HELD_OUT))
    assert found.allowed == (not against)
    assert [why for why, begins in zip(found.against, against, strict=True) if not why.startswith(begins)] == []
    label, scores = HELD_OUT.label, candidate.scores(HELD_OUT.values)
    assert found.figures["bias"] == pytest.approx(scores.sum() / label.sum())
    expected = -np.where(label == 1, np.log(scores), np.log1p(-scores)).mean()
    assert found.figures["logloss"] == pytest.approx(expected)
    if live is not None:
        theirs = live.scores(HELD_OUT.values)
        loss = -np.where(label == 1, np.log(theirs), np.log1p(-theirs)).mean()
        assert found.figures["logloss_difference"] == pytest.approx(expected - loss, abs=1e-12)


def test_what_cannot_be_judged_is_not_put_in_service_by_itself(registry: Registry) -> None:
    def why(version: int) -> str:
        return " ".join(judge(registry, "ctr", version).against)

    assert "no held_out.npz" in why(keep(registry, "ctr", MODEL))
    assert "0 positive rows" in why(keep(registry, "ctr", MODEL, HELD_OUT.take(HELD_OUT.label == 0)))
    damage(registry.path("ctr", broken := keep(registry, "ctr", MODEL, HELD_OUT)))
    assert "arrays.bin" in why(broken)
    (registry.path("ctr", torn := keep(registry, "ctr", MODEL, HELD_OUT)) / "held_out.npz").write_bytes(b"PK\3\4")
    assert "held_out.npz" in why(torn)
    narrow = Rows(HELD_OUT.values[:, :5], HELD_OUT.label, HELD_OUT.weight, HELD_OUT.time_ns)
    assert "rows of 5 values, and it takes 39" in why(keep(registry, "ctr", MODEL, narrow))
    registry.promote("ctr", keep(registry, "ctr", MODEL, HELD_OUT, other_features()))
    other = judge(registry, "ctr", keep(registry, "ctr", MODEL, HELD_OUT))
    assert other.allowed and "other features" in other.notes[0]


def test_the_newest_rows_are_kept(tmp_path: Path) -> None:
    many = clicks(MOST_ROWS + 500, seed=3)
    shuffled = many.take(np.random.default_rng(0).permutation(len(many)))
    (tmp_path / "held_out.npz").write_bytes(packed(shuffled))
    kept = read(tmp_path)
    assert kept is not None and len(kept) == MOST_ROWS and sorted(kept.time_ns)[0] == 500
    assert kept.segment["exchange"].sum() == MOST_ROWS and read(tmp_path / "nowhere") is None


def test_the_command_line(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                          capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))

    def said(*words: str, status: int = 0) -> str:
        assert main(["models", *words]) == status, words
        printed = capsys.readouterr()
        return printed.out + printed.err

    assert "no models in" in said("list")
    good, bad = keep(registry, "ctr", MODEL, HELD_OUT), keep(registry, "ctr", moved(MODEL, 1.0), HELD_OUT)
    damage(registry.path("ctr", damaged := keep(registry, "ctr", MODEL, HELD_OUT)))
    (registry.path("ctr", unreadable := keep(registry, "ctr", MODEL)) / "model.json").write_text("{")
    assert "ctr 1 is live, after none" in said("promote", "ctr", str(good))
    told = said("promote", "ctr", str(bad), status=1)
    assert "miscalibrated" in told and "worse than version 1" in told and registry.pointers().live == {"ctr": good}
    assert "arrays.bin" in said("promote", "ctr", str(damaged), "--force", status=1)
    assert "ctr 2 is live, after 1" in said("promote", "ctr", str(bad), "--force")
    assert "ctr 1 is live again" in said("rollback", "ctr")
    assert "ctr: 2 is in the shadow" in said("shadow", "ctr", str(bad))
    listed = said("list")
    assert "live" in listed and "shadow" in listed and "model.json" in listed
    assert '"role": "live"' in said("list", "--json") and "trained on: 6000 rows of tests" in said("show", "ctr")
    assert '"features"' in said("show", "ctr", str(bad), "--json")
    assert "model.json" in said("show", "ctr", str(unreadable), status=2)
    assert "ctr: no model is in the shadow" in said("shadow", "ctr", "none")
    assert "version: 9 is not allowed; ctr has 1, 2, 3, 4" in said("promote", "ctr", "9", status=2)
    with pytest.raises(SystemExit):
        main(["models", "promote", "ctr", "0"])
