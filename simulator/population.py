"""The people of the synthetic traffic: the same ones every day, who come back, some of them members of audiences.

What is not taken from somewhere named here is our choice, made so that every gate of a bidder has something to do.
"""

import hashlib
import random
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from simulator.agents import AGENTS, Agent
from simulator.config import Seller
from simulator.market import Country, market_of

T = TypeVar("T")

POPULATION_SEED = 20_261_122
"""The people are the same in every run: profiles and frequency records of one run mean something in the next."""

LISTED_SHARE = 0.35
"""At most so much of the population is drawn from audience lists."""

ACTIVITY = 2.2
"""A person's rank is ``size × u ** ACTIVITY``: the most active percent of the people make an eighth of the traffic."""

LIMITED_SHARE = 0.12
"""People with limited ad tracking. (Real shares run from a few percent on Android to most of iOS.)"""

REFUSED_CONSENT_SHARE = 0.2
"""Of people under GDPR: no consent string is sent for them."""

APP_SHARE = 0.45
"""People who are met in apps (with an advertising id), not on the web (with an exchange's cookie)."""


@dataclass(frozen=True)
class Person:
    seller: Seller
    country: Country
    region: str
    agent: Agent
    ip: str
    buyeruid: str
    user_id: str
    """The exchange's own id of the person."""
    ifa: str
    limited: bool
    consents: bool
    appetite: float
    """Hidden from bidders: how much more likely than the average this person clicks."""

    @property
    def known(self) -> bool:
        """Whether bidders may know who it is, and a browser has their cookie."""
        return bool(self.buyeruid) and not self.limited and not self.country.gdpr

    @property
    def cookie(self) -> str:
        """The buyer's id of the person's browser: always the same."""
        digest = hashlib.blake2b(self.written.encode(), digest_size=16, person=b"browser").digest()
        return urlsafe_b64encode(digest)[:22].decode()

    @property
    def written(self) -> str:
        """As lists name the person: by the id that a bidder knows best of those that exchanges send."""
        if self.ifa:
            return f"ifa:{self.ifa}"
        return (
            f"buyeruid:{self.seller.key}:{self.buyeruid}" if self.buyeruid else f"user:{self.seller.key}:{self.user_id}"
        )


class Population:
    """All people of some sellers; `draw` picks who opens a page next."""

    def __init__(self, sellers: Sequence[Seller], size: int, audiences: Path) -> None:
        rng = random.Random(POPULATION_SEED)
        listed = _listed(audiences)
        keys = {seller.key for seller in sellers}
        listed = [line for line in listed if line[0] == "ifa" or line[1] in keys]
        rng.shuffle(listed)
        listed = listed[: int(size * LISTED_SHARE)]
        drawn = [_person(rng, sellers, line) for line in listed]
        drawn += [_person(rng, sellers, None) for _ in range(size - len(drawn))]
        rng.shuffle(drawn)
        self.people = drawn

    def some(self, count: int) -> list[Person]:
        """So many of them by chance, always the same: active people and others, whatever their signals allow."""
        return random.Random(POPULATION_SEED).sample(self.people, count)

    def draw(self, rng: random.Random) -> Person:
        return self.people[int(len(self.people) * rng.random() ** ACTIVITY)]


def _listed(audiences: Path) -> list[tuple[str, str, str]]:
    """(kind, exchange, value) of each id in the folder's lists: ``ifa:VALUE``, ``buyeruid:EXCHANGE:VALUE`` …"""
    lines = (line.strip() for path in sorted(audiences.glob("*.txt")) for line in path.read_text().splitlines())
    found: dict[tuple[str, str, str], None] = {}
    for line in lines:
        match line.split(":", 2):
            case ["ifa", value]:
                found[("ifa", "", value)] = None
            case ["buyeruid" | "user" as kind, exchange, value]:
                found[(kind, exchange, value)] = None
    return list(found)


def _person(rng: random.Random, sellers: Sequence[Seller], listed: tuple[str, str, str] | None) -> Person:
    kind, exchange, value = listed or ("ifa" if rng.random() < APP_SHARE else "buyeruid", "", "")
    seller = next((s for s in sellers if s.key == exchange), None) or rng.choice(sellers)
    country = _weighted(rng, market_of(seller.currency).countries)
    in_app = kind == "ifa"
    fresh = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    return Person(
        seller=seller,
        country=country,
        region=rng.choice(country.regions) if country.regions else "",
        agent=_weighted(rng, ((agent, agent.weight) for agent in AGENTS if agent.app == in_app)),
        # RFC 5737 keeps these three networks for documentation: no request names a real person's address
        ip=f"{rng.choice(('192.0.2', '198.51.100', '203.0.113'))}.{rng.randrange(1, 255)}",
        buyeruid=(value or fresh) if kind == "buyeruid" else "",
        user_id=value if kind == "user" else "",
        ifa=(value or fresh) if in_app else "",
        limited=listed is None and rng.random() < LIMITED_SHARE,
        consents=not country.gdpr or rng.random() >= REFUSED_CONSENT_SHARE,
        appetite=rng.lognormvariate(-0.32, 0.8),  # mean 1: a few people make most of the clicks
    )


def _weighted(rng: random.Random, choices: Iterable[tuple[T, float]]) -> T:
    values, weights = zip(*choices, strict=True)
    chosen: T = rng.choices(values, weights)[0]
    return chosen
