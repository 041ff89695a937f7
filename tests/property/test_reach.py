"""The reach forecast against counting: the same requests, evaluated word by word from expressions as they are written
(`tests.targeting_twin`), and estimates against populations that are known."""

import random
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bidder import request_sample_files as sample_files
from bidder.market import Market
from bidder.reach import Reach, forecast, thinned
from bidder.request_sample import RequestSample, hash_of
from campaigns.published_targeting import read_targeting
from domain.errors import Refused
from domain.person import score_id
from targeting.reach import distinct, total
from targeting.record import NEVER, Scored
from tests import targeting_twin as twin
from tests.auction_table import NOW_NS, Table

WORDS: dict[str, list[Any]] = {
    "country": ["USA", "CAN", "FRA"],
    "device_type": ["pc", "phone", "tablet"],
    "language": ["en", "fr"],
    "site": ["news.example", "money.news.example", "shop.example"],
    "category": ["IAB1", "IAB1-2", "IAB9"],
    "keyword": ["loans", "cars"],
    "gender": ["male", "female"],
    "audience": ["seekers"],
    "score": ["credit >=600 <750", "credit <640"],
    "format": ["banner", "video"],
    "size": ["300x250", "728x90"],
    "position": ["above_fold", "below_fold"],
    "interstitial": [True, False],
    "page": ["*/loans/*", "news.example/*"],
}
TYPES = {"pc": 2, "phone": 4, "tablet": 5}
POSITIONS = {"above_fold": 1, "below_fold": 3}
SEEKERS = 5


def expression(draw: random.Random, depth: int = 2) -> dict[str, Any]:
    def leaf() -> dict[str, Any]:
        name = draw.choice(list(WORDS))
        return {name: draw.sample(WORDS[name], draw.randint(1, min(2, len(WORDS[name]))))}

    if depth == 0 or draw.random() < 0.35:
        return leaf()
    if draw.random() < 0.25:
        return {"not": leaf()}
    return {draw.choice(("all", "any")): [expression(draw, depth - 1) for _ in range(draw.randint(1, 3))]}


class World:
    """People, and what they asked for: bodies for the bidder, and for the twin the words of each impression."""

    def __init__(self, draw: random.Random, people: int, requests: int) -> None:
        self.table = Table()
        self.table.auction.sample = self.sample = RequestSample()
        self.asked: list[tuple[str, list[tuple[dict[str, Any], float]]]] = []
        """Person who may be used, or empty; and of each impression its words and its floor."""
        self.people = [f"p{n}" for n in range(people)]
        self.member = {person for person in self.people if draw.random() < 0.4}
        self.credit = {person: draw.choice((560, 620, 700, 800)) for person in self.people if draw.random() < 0.7}
        for person in self.people:
            segments = {SEEKERS: NEVER} if person in self.member else {}
            scores = {score_id("credit"): Scored(self.credit[person], 1)} if person in self.credit else {}
            if segments or scores:
                self.table.people.put(f"buyeruid:usx:{person}", segments, {}, scores=scores)
        for number in range(requests):
            self.ask(draw, number)

    def ask(self, draw: random.Random, number: int) -> None:
        # the first of them ask far more often than the last
        person = self.people[int(len(self.people) * draw.random() ** 2)] if draw.random() < 0.8 else ""
        limited = draw.random() < 0.2
        words: dict[str, Any] = {
            name: [draw.choice(WORDS[name])]
            for name in ("country", "device_type", "language", "site", "category", "keyword")
        }
        words["page"] = f"https://{words['site'][0]}/{draw.choice(('loans', 'cars'))}/{number}"
        gender = draw.choice(("male", "female"))
        imps, offers = [], []
        for place in range(draw.choice((1, 1, 2))):
            own: dict[str, Any] = {
                "format": [draw.choice(WORDS["format"])],
                "position": [draw.choice(WORDS["position"])],
                "interstitial": [draw.random() < 0.3],
            }
            floor = draw.choice((0.0, 0.5, 1.5, 3.0))
            width, height = map(int, draw.choice(WORDS["size"]).split("x"))
            position = POSITIONS[own["position"][0]]
            imp: dict[str, Any] = {"id": str(place + 1), "bidfloor": floor, "instl": int(own["interstitial"][0])}
            if own["format"] == ["banner"]:
                own["size"] = [f"{width}x{height}"]
                imp["banner"] = {"w": width, "h": height, "pos": position}
            else:
                imp["video"] = {"mimes": ["video/mp4"], "pos": position}
            imps.append(imp)
            offers.append((own, floor))
        body: dict[str, Any] = {
            "id": f"auction-{number}", "imp": imps, "at": 1,
            "site": {"domain": words["site"][0], "cat": words["category"], "keywords": words["keyword"][0],
                     "page": words["page"]},
            "device": {"devicetype": TYPES[words["device_type"][0]], "language": words["language"][0],
                       "lmt": int(limited), "geo": {"country": words["country"][0]}},
            "user": {"gender": gender[0].upper(), **({"buyeruid": person} if person else {})},
        }  # fmt: skip
        words["site"] = [".".join(words["site"][0].split(".")[n:]) for n in range(words["site"][0].count("."))]
        words["category"] = [words["category"][0], words["category"][0].split("-")[0]]
        if not limited:
            words["gender"] = [gender]
            if person in self.member:
                words["audience"] = ["seekers"]
            if person in self.credit:
                words["scores"] = {"credit": self.credit[person]}
        self.asked.append(("" if limited else person, [(words | own, floor) for own, floor in offers]))
        self.table.decide(body)

    def forecast(self, strata: list[sample_files.Stratum], form: dict[str, Any], bid: float) -> Reach:
        table = self.table
        owner = table.campaigns.advertisers[0]
        targeting = read_targeting(form, owner, table.campaigns)
        market = Market([], {})
        return forecast(strata, table.campaigns, owner, targeting, int(bid * 1e6), table.auction.chain, market)

    def counted(self, form: dict[str, Any], bid: float) -> dict[str, float]:
        """By the twin, over everything that was asked."""
        found = dict.fromkeys(("matching", "impressions_offered", "above_floor", "impressions", "cost"), 0.0)
        people, reached = set(), set()
        for person, offers in self.asked:
            floors = [floor for words, floor in offers if twin.holds(form, words)]
            won = any(bid >= floor for floor in floors)
            found["matching"] += bool(floors)
            found["impressions_offered"] += len(floors)
            found["above_floor"] += won
            found["impressions"] += won  # nothing is known of the market: what meets its floor is won,
            found["cost"] += won * bid * 1e6  # in first-price auctions at the bid, nanos an impression
            if person and floors:
                people.add(person)
            if person and won:
                reached.add(person)
        return found | {"people": len(people), "people_reached": len(reached)}


@pytest.mark.parametrize("seed", [11, 12])
def test_what_matches_is_what_the_twin_says(seed: int) -> None:
    """Where everything is kept, every figure is exact."""
    draw = random.Random(seed)
    world = World(draw, 150, 600)
    taken, seen = world.sample.take()
    kept = [sample_files.decode(sample_files._kept(each)) for each in taken]
    strata = [sample_files.Stratum([each for each in kept if isinstance(each, sample_files.Kept)], 0, seen, 0, 1)]
    told: list[float] = []
    while len(told) < 60:
        form, bid = expression(draw), draw.choice((0.2, 1.0, 2.0, 5.0))
        try:
            found = world.forecast(strata, form, bid)
        except Refused:  # it says nothing, or can never be met
            continue
        expected = world.counted(form, bid)
        assert found.requests == len(world.asked) == found.sampled
        for name, value in expected.items():
            assert getattr(found, name) == pytest.approx((value, 0)), (name, form, bid)
        told.append(found.share.value)
    assert sum(0.02 < share < 0.98 for share in told) > 30


def population(draw: np.random.Generator) -> tuple[Any, ...]:
    """Requests of 4,000 people, few of whom ask often, and 10,000 requests of nobody; in 4 hours."""
    counts = np.minimum(1 + draw.pareto(1.5, 4_000) * 2, 80).astype(int)
    persons = np.concatenate([np.repeat(np.arange(1, 4_001), counts), np.zeros(10_000, int)]).astype(np.uint64)
    hours = draw.integers(0, 4, len(persons))
    values = (draw.random(len(persons)) < np.where(persons % 3 == 0, 0.5, 0.05)).astype(float)
    return persons, hours, values


def test_estimates_are_unbiased_and_their_errors_true() -> None:
    """Over 300 samples of one population, each with hashes of its own, at a level that differs from hour to hour."""
    draw = np.random.default_rng(5)
    persons, hours, values = population(draw)
    of_hours = np.array([2, 4, 3, 2])
    matching = values > 0
    true_total, true_people = values.sum(), len(np.unique(persons[matching & (persons != 0)]))
    found = []
    for _ in range(300):
        of_people = draw.integers(0, 1 << 64, 4_001, np.uint64)
        hashes = np.where(persons, of_people[persons.astype(int)], draw.integers(0, 1 << 64, len(persons), np.uint64))
        levels = of_hours[hours]
        kept = (hashes >> (64 - levels).astype(np.uint64) == 0) & matching
        found.append(
            (
                total(values[kept], hashes[kept], levels[kept], 4),
                distinct(values[kept], persons[kept], hashes[kept], 4),
            )
        )
    for place, truth in ((0, true_total), (1, true_people)):
        estimates = np.array([each[place].value for each in found])
        errors = np.array([each[place].plus_minus for each in found])
        assert abs(estimates.mean() - truth) < 4 * estimates.std() / 300**0.5  # no bias
        assert 0.9 <= np.mean(np.abs(estimates - truth) <= errors) <= 0.985  # 95 %, of 300
        assert abs((errors / 1.96).mean() / estimates.std() - 1) < 0.15


def test_a_sample_that_had_to_adapt(tmp_path: Path) -> None:
    """From the bid path to the files to the estimates: 120 of 1,500 requests fit into an hour."""
    made = World(random.Random(3), 400, 0)
    files = sample_files.SampleFiles(tmp_path, 0, made.sample, made.table.clock, 24 * 120)
    draw = random.Random(4)
    for number in range(1_500):
        made.ask(draw, number)
        if not number % 50:
            files.write()
    files.write()
    strata = sample_files.read(tmp_path, NOW_NS)
    (stratum,) = strata
    assert stratum.level >= 3
    assert 30 <= len(stratum.kept) <= 120
    chosen = {kept.person for kept in stratum.kept} - {0}
    limit = sample_files.FULL >> stratum.level
    assert all(hash_of(person) <= limit for person in chosen)
    smaller = thinned(strata, 50)
    assert 0 < sum(len(each.kept) for each in smaller) <= 50
    assert smaller[0].level > stratum.level
    assert thinned(strata, 120) == strata
    forms = ({"country": ["USA"]}, {"language": ["en"]}, {"not": {"audience": ["seekers"]}})
    for some, form in product((strata, smaller), forms):
        found, expected = made.forecast(some, form, 2.0), made.counted(form, 2.0)
        assert found.requests == 1_500
        for name in ("matching", "impressions_offered", "people", "above_floor"):
            value, error = getattr(found, name)
            assert error > 0
            assert abs(value - expected[name]) <= 2 * error, (name, form)  # 99.99 % of all samples
