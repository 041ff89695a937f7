"""The bid requests of the proof of worth, and what would become of each: true chances, true worth, others' price.

A genuine person is an applicant with the device and address of a genuine user; a farm's request comes from one of its
clicks. The bidder is told what an exchange tells: app, publisher, placement, device, address, advertising id. All else
in `Traffic` only the exchange, the lender and the report know.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.applicants import Applicants, Floats, Ints
from simulator.click_farms import Clicks
from simulator.worth_parameters import WorthParameters

MICROS = 1_000_000
AGENT = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile "
    "Safari/537.36"
)
FIRST, SECOND = 1, 2
"""OpenRTB's ``at``."""
REQUEST = (
    '{"id":"%s","at":%d,"tmax":120,"cur":["USD"],"imp":[{"id":"1","tagid":"t%d","secure":1,"bidfloor":%.2f,'
    '"bidfloorcur":"USD","banner":{"w":320,"h":50}}],"app":{"id":"a%d","bundle":"app%d.example","publisher":{"id":"p%d"}},'
    '"device":{"ua":"%s","ip":"%s","ifa":"%s","lmt":0,"os":"android","osv":"%d","model":"m%d","devicetype":4,'
    '"geo":{"country":"TWN"}},"user":{}}'
)


@dataclass(frozen=True, eq=False)
class Traffic:
    """Requests in order; an array element is one of them. Prices are CPM micros of the exchange's currency."""

    bodies: Sequence[bytes]
    ids: Sequence[str]
    """The advertising id of each (``ifa``)."""
    fraud: NDArray[np.bool_]
    market: Ints
    """The best competing bid."""
    click: Floats
    """How likely the ad is clicked, if it is shown …"""
    application: Floats
    """… and that a click becomes an application …"""
    worth: Floats
    """… and what the lender earns of that application on average, units of currency: with loans that are approved and
    paid back, less what is lost where the person did default."""
    floor: int

    def __len__(self) -> int:
        return len(self.bodies)


class WorthWorld:
    """``seed`` is a world: who lives there with which device, what they like, what others pay. ``applicants`` and
    ``clicks`` are the halves that no score was learnt from.
    """

    def __init__(self, parameters: WorthParameters, applicants: Applicants, clicks: Clicks, seed: int) -> None:
        self.parameters, self.applicants, self.clicks = parameters, applicants, clicks
        self.seed = seed
        draw = np.random.default_rng([seed, 0])
        farmed = clicks.farmed(parameters.farm_clicks)
        self._farm_clicks = np.flatnonzero(farmed)
        genuine = np.flatnonzero(~farmed)
        _, first = np.unique(clicks.users()[genuine], axis=0, return_index=True)
        users = draw.permutation(genuine[np.sort(first)])
        people = draw.permutation(len(applicants))[: len(users)]
        self.person = people
        """(people): the row of each among the applicants."""
        self.user = users[: len(people)]
        """(people): a click of the user whose device and address each has."""
        self.scored = draw.random(len(people)) < parameters.scored_share
        """(people): whether the credit module knows anything of them."""
        self._taste = np.exp(parameters.taste_spread * draw.normal(size=len(people)))
        self._taste /= self._taste.mean()
        apps = np.unique(clicks.app)
        liked = np.exp(parameters.app_spread * draw.normal(size=len(apps)))
        self._app = liked[np.searchsorted(apps, clicks.app)]
        self._app /= self._app[self.user].mean()
        own = applicants.take(people)
        use = (own.use - applicants.use.mean()) / max(float(applicants.use.std()), 1e-9)
        odds = np.log(parameters.application_rate / (1.0 - parameters.application_rate)) + parameters.adverse * use
        applies = 1.0 / (1.0 + np.exp(-odds))
        self._applies = np.clip(applies * parameters.application_rate / applies.mean(), 0.0, 1.0)
        loss = parameters.lgd * parameters.exposure
        self._worth = own.approval * (parameters.margin - own.defaulted * loss)
        self._known_worth = (self._worth - self._worth.mean()) / max(float(self._worth.std()), 1e-9)

    def person_ids(self) -> list[str]:
        """The advertising ids of the people, in their order."""
        return [_ifa(number, 0) for number in range(len(self.person))]

    def farm_ids(self) -> dict[str, int]:
        """Those of the farms' devices, each with a click of theirs."""
        keys = _user_numbers(self.clicks)
        return {_ifa(int(keys[place]), 1): int(place) for place in self._farm_clicks}

    def traffic(self, day: int, count: int, auction_type: int = SECOND) -> Traffic:
        """``count`` requests of a day; the same whatever is bid, and whatever the auction's type."""
        of = self.parameters
        draw = np.random.default_rng([self.seed, 1, day])
        fraud = draw.random(count) < (of.fraud_share if len(self._farm_clicks) else 0.0)
        person = draw.integers(0, len(self.person), count)
        some = draw.integers(0, max(len(self._farm_clicks), 1), count)
        farm = self._farm_clicks[some] if len(self._farm_clicks) else some
        click = np.where(fraud, farm, self.user[person])
        knows = np.where(fraud, 0.0, of.price_knows * self._known_worth[person])
        price = of.price_median_cpm * np.exp(of.price_sigma * draw.normal(size=count) + knows)
        rate = np.clip(of.click_rate * self._app[click] * self._taste[person], 0.0, 1.0)
        keys = _user_numbers(self.clicks)
        ids = [
            _ifa(int(keys[at]), 1) if farmed else _ifa(int(who), 0)
            for farmed, who, at in zip(fraud.tolist(), person.tolist(), click.tolist(), strict=True)
        ]
        bodies = [self._body(f"{self.seed}-{day}-{n}", auction_type, at, ids[n]) for n, at in enumerate(click.tolist())]
        return Traffic(
            bodies,
            ids,
            fraud,
            np.round(price * MICROS).astype(np.int64),
            np.where(fraud, of.fraud_click_rate, rate),
            np.where(fraud, of.fraud_application_rate, self._applies[person]),
            np.where(fraud, 0.0, self._worth[person]),
            round(of.floor_cpm * MICROS),
        )

    def _body(self, name: str, auction_type: int, at: int, ifa: str) -> bytes:
        c = self.clicks
        app, channel, ip = int(c.app[at]), int(c.channel[at]), int(c.ip[at])
        return (
            REQUEST
            % (name, auction_type, channel, self.parameters.floor_cpm, app, app, channel, AGENT, address(ip), ifa,
               c.os[at], c.device[at])
        ).encode()  # fmt: skip


def address(number: int) -> str:
    """The addresses of the file are numbers."""
    return f"100.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _ifa(number: int, kind: int) -> str:
    return f"00000000-0000-400{kind}-8000-{number:012x}"


def _user_numbers(clicks: Clicks) -> Ints:
    """A number of each click's user."""
    _, place = np.unique(clicks.users(), axis=0, return_inverse=True)
    return np.asarray(place.reshape(-1), dtype=np.int64)
