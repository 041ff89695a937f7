"""The hidden model of clicks: worlds that stay the same, spreads and levels that are as they are stated."""

import json
import math
import random
import statistics
from decimal import Decimal
from itertools import product

import pytest

from domain.clock import SECOND, ManualClock
from simulator.checker import Bid, Loss
from simulator.config import SimulatorSettings
from simulator.exchange import Won
from simulator.hidden_clicks import (
    DEVICE_FACTORS,
    FORMAT_FACTORS,
    HOURS,
    POSITION_FACTORS,
    SITE_SPREAD,
    SIZE_FACTORS,
    HiddenClicks,
    Impression,
    impression,
)
from simulator.run import audience, synthetic

PLAIN = Impression("news.example", "banner", (300, 250), 1, 2, 9, "bank.example", "7")


def log_odds(chance: float) -> float:
    return math.log(chance / (1 - chance))


def test_a_world_is_the_same_in_every_run_and_another_seed_is_another_world() -> None:
    one, same, other = (HiddenClicks(seed, 0.02, 0.25) for seed in (1, 1, 2))
    assert one.click_chance(PLAIN) == same.click_chance(PLAIN) != other.click_chance(PLAIN)
    assert one.conversion_chance(PLAIN) == same.conversion_chance(PLAIN) != other.conversion_chance(PLAIN)


@pytest.mark.parametrize("field", ["place", "advertiser", "creative"])
def test_each_name_has_an_effect_of_its_own(field: str) -> None:
    world = HiddenClicks(3, 0.02, 0.25)
    found = {world.click_chance(Impression(**{**_fields(PLAIN), field: f"{n}.example"})) for n in range(50)}
    assert len(found) == 50


def test_the_effect_of_pages_spreads_as_stated() -> None:
    """Over advertisers that agree with the page by chance: what is left of a page's mean is its own effect."""
    world = HiddenClicks(4, 0.02, 0.25)
    means = [
        statistics.fmean(
            log_odds(world.click_chance(Impression(**{**_fields(PLAIN), "place": f"p{n}", "advertiser": f"a{m}"})))
            for m in range(60)
        )
        for n in range(300)
    ]
    assert statistics.stdev(means) == pytest.approx(SITE_SPREAD, rel=0.12)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("format", {name: factor for name, factor in FORMAT_FACTORS.items() if name != "banner"}),
        ("size", SIZE_FACTORS),
        ("position", POSITION_FACTORS),
        ("device_type", DEVICE_FACTORS),
        ("local_hour", dict(enumerate(HOURS))),
        ("appetite", {2.0: math.sqrt(2.0), 0.25: 0.5}),
    ],
)
def test_odds_have_the_factors_of_the_tables(field: str, values: dict[object, float]) -> None:
    world = HiddenClicks(5, 0.02, 0.25)
    odds = {
        value: math.exp(log_odds(world.click_chance(Impression(**{**_fields(PLAIN), field: value}))))
        for value in values
    }
    for one, other in product(values, values):
        assert odds[one] / odds[other] == pytest.approx(values[one] / values[other])


def test_people_of_the_traffic_click_about_as_often_as_the_settings_say_in_every_world() -> None:
    """And the impression is what the request, the bid and the person say."""
    clock = ManualClock(1_800_000_000 * SECOND)
    for seed in range(6):
        rng = random.Random(seed)
        settings = SimulatorSettings(clicks="hidden", hidden_seed=seed, persons=2000, audiences="none")
        people, chances = audience(settings, rng), []
        traffic = synthetic(settings, clock, rng)
        for number in range(1500):
            auction = traffic.auction()
            imp = next(iter(auction.offer().imps.values()))
            won = Won(_bid(min(imp.types), f"{number % 20}", f"a{number % 5}.example"), imp, Decimal(1))
            chance, converts = people.chances(auction, won, clock.now_ns())
            assert 0 < chance < 1 and 0 < converts < 1
            chances.append(chance)
            shown = impression(auction, imp, won.bid, clock.now_ns())
            sent = json.loads(auction.body)
            assert shown.place == sent.get("app", {}).get("bundle") or shown.place == sent["site"]["domain"]
            assert shown.device_type == sent["device"]["devicetype"] and shown.creative == f"{number % 20}"
        assert 0.5 < statistics.fmean(chances) / settings.click_rate < 2.2


def _fields(shown: Impression) -> dict[str, object]:
    return {name: getattr(shown, name) for name in Impression.__dataclass_fields__}


def _bid(kind: int, creative: str, domain: str) -> Bid:
    nothing = ""
    return Bid(
        nothing, "1", "1", nothing, nothing, Decimal(1), "USD", (domain,), None, kind, nothing, nothing, nothing,
        nothing, Loss.WON, nothing, creative=creative, size=(300, 250),
    )  # fmt: skip
