"""``outbid backtest pacing`` on made-up supply, from the file to the table, the JSON and the picture."""

import json
from datetime import UTC, datetime, timedelta
from math import cos, pi
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest

from cli.main import main

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def slots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four days with a quiet night and a busy evening, each at a level of its own, and a fragment of a fifth."""
    chance = Random(3)
    rows = ["datetime,campaign,total_bids_cur,cur_avg_bid_price"]
    for number, level in enumerate((1.0, 1.1, 0.8, 1.3, 1.0)):
        for slot in range(36 if number == 4 else 288):
            at = datetime(2020, 6, 1, tzinfo=UTC) + timedelta(days=number, minutes=5 * slot)
            shape = 1 - 0.7 * cos(2 * pi * (slot / 288 - 0.15))
            impressions = round(800 * level * shape * chance.uniform(0.8, 1.2))
            rows.append(f"{at:%Y-%m-%d %H:%M:%S},77,{impressions},{80 * chance.uniform(0.9, 1.1):.2f}")
    path = tmp_path_factory.mktemp("slots") / "slots.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_the_controller_keeps_its_bars_where_the_simple_ones_do_not(
    slots: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", "pacing", "--slots", str(slots), "--campaign", "77", "--json"]) == 0
    *trials, last = map(json.loads, capsys.readouterr().out.splitlines())
    ours = [trial for trial in trials if trial["pacing"] == "adaptive"]
    linear = [trial for trial in trials if trial["pacing"] == "linear"]
    pid = [trial for trial in trials if trial["pacing"] == "PID"]
    assert [trial["day"] for trial in ours] == ["2020-06-03", "2020-06-04"]
    for trial in ours:
        assert 0.97 <= trial["spent"] <= 1
        assert trial["plan_deviation"] <= 0.02
        for shock in ("traffic × 5, 1 h", "traffic ÷ 5, 1 h", "prices + 50 %, 1 h", "prices + 50 %, to stay"):
            assert trial["soonest"][shock] - 2 <= trial["back_after_minutes"][shock] <= 30
    assert min(trial["plan_deviation"] for trial in linear) > 0.05
    assert max(trial["back_after_minutes"]["traffic × 5, 1 h"] for trial in pid) > 60
    assert last == {
        "campaign": "77",
        "spent": min(trial["spent"] for trial in ours),
        "plan_deviation": max(trial["plan_deviation"] for trial in ours),
    }


def test_the_table_says_what_was_run_and_what_was_not(
    slots: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "curves.svg"
    asked = ["backtest", "pacing", "--slots", str(slots), "--campaign", "77", "--learn", "3", "--plot", str(picture)]
    assert main(asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Campaign 77, learned from 2020-06-01, 2020-06-02, 2020-06-03."
    assert lines[2] == "2020-06-05 is not run: it was recorded for 3.0 h only."
    rows = [line.split() for line in lines[-6:-2]]
    assert [row[:2] for row in rows] == [["2020-06-04", name] for name in ("adaptive", "PID", "linear", "soonest")]
    assert all(row[2].endswith("%") and len(row) == 4 + 6 for row in rows[:3])
    assert rows[3][2:4] == ["-", "-"] and len(rows[3]) == 4 + 6
    drawn = ElementTree.parse(picture)
    assert len(drawn.findall(f".//{SVG}g")) == 7
    for curve in drawn.iter(f"{SVG}polyline"):
        points = [tuple(map(float, point.split(","))) for point in curve.attrib["points"].split()]
        assert points == sorted(points, key=lambda point: (point[0], -point[1]))
        assert all(0 <= x <= 240 and 0 <= y <= 160 for x, y in points)


def test_ahead_is_held_against_a_plan_that_is_ahead(slots: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["backtest", "pacing", "--slots", str(slots), "--campaign", "77", "--json", "--pacing", "ahead"]
    assert main(asked) == 0
    *trials, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert {trial["pacing"] for trial in trials} == {"adaptive", "PID", "linear"}
    assert last["plan_deviation"] <= 0.03  # the plan's end comes when five sixths of a day nobody knows are over
    assert last["spent"] > 0.99


def test_as_fast_as_possible_is_the_full_price_on_everything(slots: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["backtest", "pacing", "--slots", str(slots), "--campaign", "77", "--json", "--pacing", "asap"]
    assert main(asked) == 0
    *trials, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert {trial["pacing"] for trial in trials} == {"adaptive"}
    assert last["spent"] == 1
    assert last["plan_deviation"] < 0.002


def test_the_same_question_has_the_same_answer(slots: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["backtest", "pacing", "--slots", str(slots), "--campaign", "77", "--learn", "3", "--json"]
    answers = []
    for more in ([], [], ["--seed", "2"], ["--until-midnight"]):
        assert main([*asked, *more]) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1] == answers[3]  # these days do last until midnight
    assert answers[0] != answers[2]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--campaign", "78"], "outbid: campaign: '78' is not allowed"),
        (["--campaign", "77", "--learn", "5"], "outbid: learn: 5 is not allowed"),
        (["--campaign", "77", "--learn", "4"], "a day of 12 hours"),
        (["--campaign", "77", "--shock-hour", "24"], "outbid: shock-hour: 24 is not allowed"),
        (["--campaign", "77", "--budget", "0"], "outbid: budget: 0.0 is not allowed"),
        (["--campaign", "77", "--learn", "3", "--plot", "/nowhere/x.svg"], "outbid: /nowhere/x.svg: "),
    ],
)
def test_what_cannot_be_done_is_said(
    slots: Path, capsys: pytest.CaptureFixture[str], asked: list[str], said: str
) -> None:
    assert main(["backtest", "pacing", "--slots", str(slots), *asked]) == 2
    assert said in capsys.readouterr().err
