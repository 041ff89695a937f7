"""The proof of worth on made people and clicks: what the world is, that each bid is what its strategy says, that money
is kept, and that figures are those of a plain loop."""

import csv
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from cli.worth_bidder import WorthBidder
from cli.worth_history import Learnt, learn
from cli.worth_report import Cell, as_json, as_text, paired
from cli.worth_trial import CPA_OFF, CPA_ON, CREDIT_OFF, CREDIT_ON, Contest, Figures, Trial, figures
from domain.errors import Refused
from simulator.applicants import halves, read_applicants
from simulator.click_farms import by_time, read_clicks
from simulator.worth_parameters import GRID, WorthParameters
from simulator.worth_traffic import FIRST, MICROS, SECOND, WorthWorld

SMALL = WorthParameters(click_rate=0.2, application_rate=0.4, history=600, rehearsal=1_500, day=1_500, farm_clicks=6)


def write_people(path: Path, count: int = 400) -> None:
    """Whoever was late lately defaults mostly."""
    rng = np.random.default_rng(1)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["ID", *(f"X{n}" for n in range(1, 24)), "Y"])
        for number in range(count):
            late = rng.integers(-1, 3, 6)
            limit = int(rng.integers(1, 50)) * 10_000
            bills = (limit * rng.random(6) * 1.2).astype(int)
            defaulted = rng.random() < (0.4 if late[:3].max() > 1 else 0.05)
            out.writerow([number, limit, 1, 2, 1, int(rng.integers(21, 70)), *late, *bills, *[100] * 6, int(defaulted)])


def write_clicks(path: Path, count: int = 1_600) -> None:
    """Ten addresses click all the time and install nothing."""
    rng = np.random.default_rng(2)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["ip", "app", "device", "os", "channel", "click_time", "attributed_time", "is_attributed"])
        for number in range(count):
            farm = rng.random() < 0.2
            ip = int(rng.integers(1, 11)) if farm else int(rng.integers(100, 2_000))
            at = f"2017-11-{6 + number // 800:02} {number % 800 // 60:02}:{number % 60:02}"
            installed = not farm and rng.random() < 0.05
            out.writerow(
                [ip, rng.integers(1, 6), 1, rng.integers(1, 4), 3, at, at if installed else "", int(installed)]
            )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("worth")
    write_people(folder / "people.csv")
    write_clicks(folder / "clicks.csv")
    return SimpleNamespace(people=folder / "people.csv", clicks=folder / "clicks.csv")


def world(files: SimpleNamespace, seed: int = 1) -> WorthWorld:
    return WorthWorld(SMALL, halves(read_applicants(files.people))[1], by_time(read_clicks(files.clicks))[1], seed)


@pytest.fixture(scope="module")
def learnt(files: SimpleNamespace) -> Learnt:
    return learn(world(files))


def scores_of(made: WorthWorld, max_fraud: int = 500) -> Any:
    """Scores that are drawn, of people and clicks."""
    rng = np.random.default_rng(3)
    people = len(made.person)
    known = rng.random(people) < 0.7
    return SimpleNamespace(
        pd=np.where(known, rng.random(people), np.nan),
        p_approved=np.where(known, rng.random(people), np.nan),
        usual_pd=0.3,
        usual_approval=0.5,
        fraud=rng.integers(0, 1_001, len(made.clicks)),
        max_fraud=max_fraud,
    )


def test_people_are_read_as_written_and_approved_by_the_rule(files: SimpleNamespace) -> None:
    found = read_applicants(files.people)
    with files.people.open() as file:
        rows = list(csv.DictReader(file))
    for place, row in enumerate(rows):
        late = min(max(float(row["X6"]), float(row["X7"]), float(row["X8"]), 0), 3)
        use = min(max(float(row["X12"]) / float(row["X1"]), 0), 1.5)
        odds = 1.6 - 1.2 * late - 0.8 * use + 0.5 * (np.log10(float(row["X1"])) - 5)
        assert found.approval[place] == pytest.approx(1 / (1 + np.exp(-odds)))
        assert found.defaulted[place] == (row["Y"] == "1")
    one, other = halves(found)
    both = sorted(map(tuple, [*one.columns.tolist(), *other.columns.tolist()]))
    assert both == sorted(map(tuple, found.columns.tolist())) and abs(len(one) - len(other)) <= 1


def test_farms_are_the_addresses_that_click_often_and_install_nothing(files: SimpleNamespace) -> None:
    clicks = read_clicks(files.clicks)
    earlier, later = by_time(clicks)
    assert earlier.time + later.time == clicks.time and max(earlier.time) <= min(later.time)
    for least in (1, 3, 6, 40):
        count = Counter(later.ip.tolist())
        installs = Counter(later.ip[later.installed].tolist())
        assert later.farmed(least).tolist() == [count[ip] >= least and not installs[ip] for ip in later.ip.tolist()]


@pytest.mark.parametrize(
    ("name", "old", "new", "where"),
    [
        ("people", "ID,X1,", "ID,X0,", "header"),
        ("people", "\n1,", "\n1,many", "line 3, X1"),
        ("clicks", "ip,app", "IP,app", "header"),
        ("clicks", ",0\n", ",2\n", "is_attributed"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(
    files: SimpleNamespace, tmp_path: Path, name: str, old: str, new: str, where: str
) -> None:
    text = getattr(files, name).read_text().replace("\r\n", "\n")
    assert old in text
    (tmp_path / "file.csv").write_text(text.replace(old, new, 1))
    with pytest.raises(Refused) as refused:
        (read_applicants if name == "people" else read_clicks)(tmp_path / "file.csv")
    assert where in str(refused.value) and "file.csv" in str(refused.value)


def test_parameters_are_checked_and_the_grid_changes_only_those_that_there_are() -> None:
    with pytest.raises(Refused, match=r"fraud_share: 1\.5"):
        WorthParameters(fraud_share=1.5, margin=10)
    for changed in (one for cell in GRID.values() for one in cell):
        assert all(getattr(WorthParameters(**changed), name) == value for name, value in changed.items())
        assert WorthParameters(**changed) != WorthParameters()


def test_traffic_is_the_same_for_all_and_made_of_the_worlds_own_people(files: SimpleNamespace) -> None:
    made = world(files)
    first, second = made.traffic(3, 2_000, FIRST), world(files).traffic(3, 2_000, SECOND)
    assert [body.replace(b'"at":1', b'"at":2') for body in first.bodies] == list(second.bodies)
    assert (first.market == second.market).all() and (first.worth == second.worth).all()
    assert made.traffic(4, 100).ids != made.traffic(3, 100).ids
    assert first.fraud.mean() == pytest.approx(SMALL.fraud_share, abs=0.03)
    assert first.click[~first.fraud].mean() == pytest.approx(SMALL.click_rate, rel=0.1)
    farms = {f"100.0.{ip >> 8}.{ip & 255}" for ip in made.clicks.ip[made.clicks.farmed(6)].tolist()}
    own = made.applicants.take(made.person)
    of_farms = made.farm_ids()
    worth = dict(zip(made.person_ids(), (own.approval * (100 - 300 * own.defaulted)).tolist(), strict=True))
    for place, body in enumerate(first.bodies):
        device = json.loads(body)["device"]
        assert (device["ip"] in farms) == first.fraud[place] == (device["ifa"] in of_farms)
        assert first.worth[place] == (0 if first.fraud[place] else pytest.approx(worth[device["ifa"]]))


@pytest.mark.parametrize("market", ["second", "first"])
def test_bids_are_what_people_are_worth_and_money_is_kept(files: SimpleNamespace, learnt: Learnt, market: Any) -> None:
    """A budget that does not last, against the same day in a plain loop over what the models said of each auction."""
    made = world(files)
    scores = scores_of(made)
    contest = Contest(made, learnt, scores, market)
    day, kind, pace = made.traffic(3, 1_200, contest.kind), contest.kind, 0.8
    contest.shading = None
    bidder = WorthBidder(contest.strategy(CREDIT_ON), contest.rules(CREDIT_ON), contest.people.records, learnt.models())
    free, events = bidder.day(day, kind, pace=pace)
    said = {event.auction: event.ctr * event.cvr for event in events}
    credit = dict(zip(made.person_ids(), zip(scores.pd, scores.p_approved, strict=True), strict=True))
    spent, won, fraud_spent, earned, budget = 0.0, 0, 0.0, 0.0, 0.6 * free.spend
    limited = contest.run(CREDIT_ON, day, budget, pace)
    for n, body in enumerate(day.bodies):
        request = json.loads(body)
        ifa = request["device"]["ifa"]
        pd, approved = credit.get(ifa, (np.nan, np.nan))
        pd, approved = (0.3, 0.5) if np.isnan(pd) else (round(pd, 6), round(approved, 6))
        margin = max(100 - pd * 0.6 * 500, 0.0)
        if contest.people.fraud[ifa] > 500 or request["id"] not in said:
            assert free.bid[n] == 0 and (contest.people.fraud[ifa] > 500 or margin * approved < 1.0)
            continue
        bid = min(said[request["id"]] * approved * margin * 1_000 * pace, 1_000.0)
        assert free.bid[n] == pytest.approx(bid * MICROS, abs=2)
        rival = max(int(day.market[n]), day.floor)
        assert (free.cost[n] > 0) == (free.bid[n] >= rival)
        assert free.cost[n] in (0, free.bid[n] if kind == FIRST else rival)
        if limited.cost[n]:
            assert limited.cost[n] == free.cost[n]
            spent, won = spent + limited.cost[n] / 1e9, won + 1
            fraud_spent += limited.cost[n] / 1e9 if day.fraud[n] else 0.0
            earned += day.click[n] * day.application[n] * day.worth[n]
    assert budget - 1.0 - free.bid.max() / 1e9 * 100 < spent <= budget  # the cap, and bids that lost before a new lease
    assert limited.spend == pytest.approx(spent)
    told = figures(day, limited, pace)
    assert (told.impressions, told.pace) == (won, pace)
    assert told.fraud_spend == pytest.approx(fraud_spent) and told.contribution == pytest.approx(earned)


def test_all_have_the_same_budget_and_the_pace_makes_it_last(files: SimpleNamespace, learnt: Learnt) -> None:
    made = world(files)
    held = Contest(made, learnt, scores_of(made, 900), "second").hold((CPA_ON, CREDIT_ON), free=True)
    for arm, told in held.limited.items():
        assert told.spend <= held.budget
        if told.pace < 1:
            assert told.spend > 0.85 * held.budget and held.free[arm].spend > told.spend
        else:  # what it thinks is right costs hardly more; bids on their way hold a part of so small a budget
            assert 0.6 * held.budget < told.spend <= held.free[arm].spend
    assert held.limited[CPA_ON].pace < 1
    assert 0 < held.blocked_genuine < 1 and held.limited[CPA_ON].spend != held.limited[CREDIT_ON].spend


def trial(seed: int, market: Any, earned: dict[Any, float], fraud: dict[Any, float]) -> Trial:
    """Each of the arms spends 100 units."""
    told = {arm: Figures(0.5, 100.0, 100.0 * fraud[arm], 10, 1.0, 100.0 + earned[arm]) for arm in earned}
    return Trial(seed, market, 100.0, told, told, 0.1, 0.9)


def test_figures_and_shortfalls_are_those_of_the_trials() -> None:
    earned = [
        {CPA_OFF: 50.0, CPA_ON: 40.0, CREDIT_OFF: 60.0, CREDIT_ON: 49.0},
        {CPA_OFF: 52.0, CPA_ON: 41.0, CREDIT_OFF: 63.0, CREDIT_ON: 50.0},
        {CPA_OFF: 55.0, CPA_ON: 46.0, CREDIT_OFF: 60.0, CREDIT_ON: 54.0},
    ]
    fraud = {CPA_OFF: 0.2, CPA_ON: 0.02, CREDIT_OFF: 0.2, CREDIT_ON: 0.05}
    base = [trial(seed, "second", each, fraud) for seed, each in enumerate(earned, 1)]
    weak = [trial(1, "second", {CPA_ON: 20.0, CREDIT_OFF: 25.0, CREDIT_ON: 26.0}, fraud)]
    none = [trial(1, "second", {CPA_ON: -3.0, CREDIT_OFF: 9.0, CREDIT_ON: 10.0}, fraud)]
    found = as_json(SMALL, [], base, [Cell({}, base), Cell({"margin": 9.0}, weak), Cell({"lgd": 0.9}, none)])
    told, gains = found["markets"]["second"], [49 / 40 - 1, 50 / 41 - 1, 54 / 46 - 1]
    assert told["gain"]["mean"] == round(float(np.mean(gains)), 4)
    assert told["gain"]["each"] == [round(gain, 4) for gain in gains]
    assert told["fraud_fall"]["target_cpa"]["mean"] == 0.9 and told["fraud_fall"]["credit_value"]["mean"] == 0.75
    assert told["arms"][CPA_ON.name]["profit_per_media"] == pytest.approx((0.40 + 0.41 + 0.46) / 3, rel=1e-5)
    assert told["profit_gained_by_risk"]["target_cpa"]["mean"] == -10.0 and found["seeds"] == 3
    assert found["grid"][2]["gain"] is None and found["grid"][1]["gain"]["mean"] == 0.3
    short = found["does_not_help"]
    for begins in (
        "second prices: credit_value earns only +20.6%",
        "second prices: with target_cpa the risk module costs more than it saves; profit -10.0",
        "second prices: with the risk module farms' share of credit_value's spend",
        "lgd 0.9: target CPA earns nothing",
    ):
        assert any(line.startswith(begins) for line in short), (begins, short)
    assert not any(line.startswith("margin 9.0: credit_value") for line in short)
    text = "\n".join(as_text(json.loads(json.dumps({**found, "scores": []}))))
    assert all(line in text for line in short) and CPA_ON.name in text


def test_intervals_are_students() -> None:
    values = np.random.default_rng(5).normal(0.3, 0.1, 10)
    found = paired(values.tolist())
    low, high = stats.t.interval(0.95, 9, values.mean(), stats.sem(values))
    assert (found.mean, found.low, found.high) == pytest.approx((values.mean(), low, high))
    none = Figures(1.0, 0.0, 0.0, 0, 0.0, 0.0)
    assert none.profit_per_media == none.fraud_share == 0.0
