"""Lookalikes in populations of which the truth is known, and their features against plain Python."""

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from domain.person import SCORES, Stage, conversion_kind, score_id
from targeting import lookalike
from targeting.households import device_key, household_key
from targeting.lift import lift_curve
from targeting.lookalike import Lookalikes, TooFew, find
from targeting.lookalike_plan import Plan
from targeting.profiles import ProfileStore
from targeting.record import NEVER, Conversions, Scored, Standing, advertiser_scope
from targeting.scanning import scan
from targeting.unpacked import Record, pack

NOW_S = 1_795_521_600
OWNER, STRANGER = 7, 8
SEED, HOBBY, OTHER = 50, 51, 60
"""Audiences: the seed, another of the same advertiser, one of another advertiser."""
PLAN = Plan(OWNER, {HOBBY: "hobby"}, conversions=("lead",))


def features_of(record: Record, plan: Plan) -> set[str]:
    """In words, by reading the unpacked record."""

    def age(what: str, at: int) -> str:
        days = (NOW_S - at) // 86_400
        if not at:
            return f"{what} never"
        if days < 1:
            return f"{what} today"
        low = 1 << days.bit_length() - 1
        return f"{what} {low} to {2 * low - 1} days ago" if low < 512 else f"{what} 512 days ago or more"

    def count(number: int) -> str:
        if number < 3:
            return str(number or "none")
        high = 4
        while high < number:
            high *= 2
        return f"{high // 2 + 1} to {high}" if high <= 128 else "129 or more"

    found = {f"audience {key}" for id_, key in plan.audiences.items() if record.segments.get(id_, 0) > NOW_S}
    if plan.dealings:
        known = record.relations.get(plan.advertiser, Standing(0, 0, 0, 0, 0))
        found.add(f"stage {Stage(known.stage).word}" if known.stage else "no stage")
        found |= {age("visited", known.visited_s), age("shown an ad", known.shown_s), age("clicked", known.clicked_s)}
        scope = advertiser_scope(plan.advertiser)
        shown = len(record.shown.get(scope, ())) + sum(record.hours.get(scope, {}).values())
        found.add(f"impressions in 30 days: {count(shown)}")
    for name in plan.scores:
        scored, (least, most) = record.scores.get(score_id(name)), SCORES[name]
        if scored is None:
            found.add(f"no {name} score")
            continue
        value = min(max(scored.value, least), most)
        edges = [least + -(-(most - least + 1) * n // 10) for n in range(11)]
        part = max(n for n in range(10) if edges[n] <= value)
        found.add(f"{name} score {edges[part]} to {edges[part + 1] - 1}")
    for event in plan.conversions:
        happened = record.conversions.get(conversion_kind(plan.advertiser, event))
        found.add(f"conversions {event}: {count(happened.total if happened else 0)}")
    return found


def some_record(draw: random.Random) -> Record:
    ago = (0, 1, 3_600, 86_399, 86_400, 2 * 86_400, 500 * 86_400, 600 * 86_400)
    record = Record()
    for audience in (SEED, HOBBY, OTHER):
        if draw.random() < 0.5:
            record.segments[audience] = draw.choice((NEVER, NOW_S, NOW_S + 1, NOW_S - 5))
    for advertiser in (OWNER, STRANGER):
        if draw.random() < 0.6:
            times = [draw.choice((0, NOW_S - draw.choice(ago))) for _ in range(3)]
            record.relations[advertiser] = Standing(draw.randrange(10), 1, *times)
        if draw.random() < 0.6:
            scope = advertiser_scope(advertiser)
            record.shown[scope] = sorted(NOW_S - n for n in range(draw.choice((1, 2, 3, 4, 5, 16, 17, 100))))
            if draw.random() < 0.3:
                record.hours[scope] = {498_000 + n: draw.choice((1, 9, 4_095)) for n in range(draw.randint(1, 3))}
    for name in (*SCORES, "house"):
        if draw.random() < 0.7:
            record.scores[score_id(name)] = Scored(
                draw.choice((-(2**31), 0, 99, 100, 300, 360, 900, 1_000, 2**31 - 1)), 5
            )
    for advertiser in (OWNER, STRANGER):
        if draw.random() < 0.5:
            record.conversions[conversion_kind(advertiser, "lead")] = Conversions(
                9, draw.choice((1, 2, 3, 200, 65_535))
            )
    return record


@pytest.mark.parametrize(
    "plan", [PLAN, Plan(OWNER, {}, ("fraud",), dealings=False), Plan(OWNER, {HOBBY: "hobby", 3: "gone"}, (), ("x",))]
)
def test_features_are_what_the_record_says(plan: Plan) -> None:
    """Nothing of the seed, nothing of another advertiser, nothing that has expired."""
    draw = random.Random(4)
    records = [some_record(draw) for _ in range(400)]
    names, features = plan.names(), plan.features()
    assert len(names) == len(set(names)) == features.width
    packed = [*map(pack, records), b"", b"\x02no record"]
    ends, indices = features.rows(packed, NOW_S)
    rows = [indices[a:b].tolist() for a, b in pairwise(ends)]
    assert all(row == sorted(set(row)) for row in rows)
    found = [{names[n] for n in row} for row in rows]
    assert found == [*(features_of(record, plan) for record in records), set(), set()]


def test_lift_is_the_curve_of_a_plain_ranking() -> None:
    """Against sorting with ties broken by chance, many times, and against scikit-learn's own area."""
    draw = np.random.default_rng(1)
    sought, others = draw.integers(0, 6, 300) + draw.integers(0, 3, 300), draw.integers(0, 6, 2_000)
    curve = lift_curve(sought.astype(float), others.astype(float))
    scores = np.concatenate([sought, others])
    of_sought = np.repeat([True, False], [300, 2_000])
    for point in curve:
        found = []
        for _ in range(200):
            order = np.lexsort((draw.random(2_300), -scores))
            passed = np.cumsum(~of_sought[order])
            found.append(of_sought[order][passed <= point.share * 2_000].sum() / 300)
        assert point.found == pytest.approx(np.mean(found), abs=0.01)
        assert point.lift == pytest.approx(point.found / point.share)
    shares = np.linspace(0, 1, 2_001)[1:]
    area = np.trapezoid(
        [0, *(p.found for p in lift_curve(sought.astype(float), others.astype(float), shares))], [0, *shares]
    )
    assert area == pytest.approx(roc_auc_score(of_sought, scores), abs=1e-4)
    assert curve[-1][:3] == (1.0, 1.0, 1.0)


def population(store: ProfileStore, people: int, pull: float) -> dict[int, float]:
    """People with an appetite that nobody sees, which shows in visits, scores and a hobby, and (by ``pull``) in who is
    of the seed. Returns each one's chance to be."""
    draw = random.Random(9)
    chances: dict[int, float] = {}
    with store.write() as txn:
        for _ in range(people):
            key, appetite = draw.getrandbits(64), draw.gauss(0, 1)
            record = Record(scores={score_id("intent"): Scored(min(1_000, max(0, int(500 + 150 * appetite))), 5)})
            if draw.random() < 0.2 + 0.15 * appetite:
                record.relations[OWNER] = Standing(0, 0, NOW_S - draw.randrange(40 * 86_400), 0, 0)
            if draw.random() < 0.3 + 0.2 * appetite:
                record.segments[HOBBY] = NEVER
            if draw.random() < 0.5:
                record.segments[OTHER] = NEVER
            chances[key] = min(0.9, 0.05 * np.exp(pull * appetite - pull**2 / 2))
            if draw.random() < chances[key]:
                record.segments[SEED] = NEVER
            txn.put(key.to_bytes(8, "big"), pack(record), db=store.profiles)
    return chances


def made(store: ProfileStore, size: int = 600, seed: int = 1, plan: Plan = PLAN, **options: object) -> Lookalikes:
    return find(store, plan.features(), lambda live: SEED in live, size, NOW_S, seed=seed, **options)  # type: ignore[arg-type]


def test_lift_is_found_where_there_is_one(tmp_path: Path) -> None:
    """The odds that people who are chosen would be of the seed are as the curve says: by what nobody sees."""
    with ProfileStore(tmp_path / "p", sync=False) as store:
        chances = population(store, 12_000, 1.2)
        found = made(store)
        others = {key for key, record in _all(store) if SEED not in record}
        assert set(found.persons) <= others
        assert len(set(found.persons)) == 600
        assert found.seeds + found.others == 12_000
        odds = {person: chances[person] / (1 - chances[person]) for person in others}
        truth = np.mean([odds[person] for person in found.persons]) / np.mean([*odds.values()])
        assert found.chosen.lift > 2.5
        assert found.chosen.lift == pytest.approx(truth, rel=0.25)
        lifts = [point.lift for point in found.curve]
        assert lifts[1] > lifts[4] > lifts[6] > lifts[8] == 1.0
        assert PLAN.names()[found.weights[0].feature].split()[0] in ("intent", "visited", "audience", "no")
        assert not found.suspicious
        again, reverse = made(store), made(store, seed=2)
        assert again == found
        assert reverse.persons != found.persons
        larger = made(store, 2_000)
        assert larger.persons[:600] == found.persons
        assert larger.chosen.lift < found.chosen.lift
        without = made(store, barred=[HOBBY])
        assert not {key for key, record in _all(store) if HOBBY in record} & set(without.persons)


def test_there_is_none_where_there_is_none(tmp_path: Path) -> None:
    with ProfileStore(tmp_path / "p", sync=False) as store:
        population(store, 12_000, 0.0)
        found = made(store, 2_400)
        assert abs(found.chosen.lift - 1) < found.chosen.plus_minus + 0.1
        for point in found.curve[3:]:
            assert abs(point.lift - 1) < 1.5 * point.plus_minus + 0.02


def test_a_feature_that_is_the_seed_is_pointed_out(tmp_path: Path) -> None:
    """A list that came from where the seed's did; without it, what is left counts."""
    with ProfileStore(tmp_path / "p", sync=False) as store:
        population(store, 5_000, 0.0)
        seeds = [key for key, record in _all(store) if SEED in record]
        with store.write() as txn:
            store.add_segments(txn, seeds, 99, NEVER)
        leaking = Plan(OWNER, {HOBBY: "hobby", 99: "same-people"})
        found = made(store, plan=leaking)
        assert [leaking.names()[n] for n in found.suspicious] == ["audience same-people"]
        assert found.chosen.lift > 3
        assert made(store).chosen.lift < 1.6


def test_too_few(tmp_path: Path) -> None:
    with ProfileStore(tmp_path / "p", sync=False) as store:
        with pytest.raises(TooFew, match="the seed has 0 people"):
            made(store)
        population(store, 1_000, 0.0)
        with pytest.raises(TooFew, match=r"the seed has \d\d people"):
            made(store)
        with pytest.raises(TooFew, match="the rest has 0 people"):
            find(store, PLAN.features(), lambda live: True, 10, NOW_S)


def test_who_is_not_to_be_recognised(tmp_path: Path) -> None:
    """Who opted out, what devices and households count, and what only leads to another key."""
    with ProfileStore(tmp_path / "p", sync=False) as store:
        population(store, 3_000, 0.0)
        everybody = len(_all(store))
        with store.write() as txn:
            for number in range(1, 200):
                record = pack(Record(shown={advertiser_scope(OWNER): [NOW_S]}))
                for key in (device_key(number), household_key(number)):
                    txn.put(key.to_bytes(8, "big"), record, db=store.profiles)
                txn.put(number.to_bytes(8, "big"), b"\x03" + bytes(8), db=store.profiles)
                opted_out = pack(Record({0: NEVER, SEED: NEVER}))
                txn.put((number << 32).to_bytes(8, "big"), opted_out, db=store.profiles)
        found = made(store, 10_000)
        assert found.seeds + found.others == everybody
        assert len(found.persons) == found.others
        assert found.chosen.share == found.chosen.lift == 1


def test_everybody_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over several batches, whatever their size; and samples that are cut are samples of all."""
    with ProfileStore(tmp_path / "p", sync=False) as store:
        population(store, 2_500, 0.0)
        with store.write() as txn:
            for key in (0, 2**64 - 1):
                txn.put(key.to_bytes(8, "big"), pack(Record({SEED: NEVER})), db=store.profiles)
        expected = sorted(key for key, _ in _all(store))
        for batch in (1, 7, 2_502, 2_503, 10_000):
            assert [int(key) for keys, _ in scan(store, batch) for key in keys] == expected
        monkeypatch.setattr(lookalike, "MOST_OTHERS", 300)
        monkeypatch.setattr(lookalike, "BATCH", 100)
        found = made(store, 50)
        assert (found.learned[1], found.tested[1]) == (210, 90)
        assert len(found.persons) == 50


def _all(store: ProfileStore) -> list[tuple[int, dict[int, int]]]:
    from targeting.unpacked import unpack

    with store.env.begin(db=store.profiles) as txn, txn.cursor() as cursor:
        return [(int.from_bytes(key, "big"), unpack(record).segments) for key, record in cursor]
