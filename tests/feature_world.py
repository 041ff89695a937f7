"""What the tests of features decide on: requests of many kinds, people whose records say something, and campaigns whose
prices are worked out.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from domain.campaign import Snapshot
from domain.events import Bid
from domain.person import score_id
from domain.strategy import Strategy
from domain.worth import PPM, PROFILE_SCORES, SCORE_NAMES, RiskRules, ScoreMultiplier
from targeting.record import Scored, Standing, advertiser_scope, campaign_scope
from targeting.unpacked import Record
from tests import features_twin as twin
from tests.auction_table import NOW_NS, People, Table, snapshot

NOW_S = NOW_NS // 10**9
DAY = 86_400
PEOPLE = ("ann", "bob", "cyd", "dan", "eve", "fay")
SPECIAL = 3
"""Id of a campaign in a special category."""


CPC = Strategy("target_cpc", 6 * 10**9, explore_ppm=0)
CPA = Strategy("target_cpa", 600 * 10**9, explore_ppm=0)


ASKING = RiskRules(multipliers=tuple(ScoreMultiplier(score, 0, PPM + 1, PPM) for score in SCORE_NAMES))
"""It wants to know all scores, and changes nothing by them."""


def campaigns() -> Snapshot:
    """The golden ones, priced by clicks or conversions, and one more in a special category with the same creatives."""
    base = snapshot()
    special = msgspec.structs.replace(
        base.campaigns[0], id=SPECIAL, key="loans", name="Loans", special_category="credit"
    )
    items = []
    for item in base.line_items:
        strategy = CPC if item.id % 2 else CPA
        priced = msgspec.structs.replace(
            item,
            strategy=strategy,
            bid_cap_cpm=20_000_000,
            frequency_caps=(),
            risk=ASKING if item.id % 2 else RiskRules(),
        )
        items.append(priced)
        if item.campaign == 1:
            items.append(msgspec.structs.replace(priced, id=item.id + 100, key=f"{item.key}-loans", campaign=SPECIAL))
    return msgspec.structs.replace(base, campaigns=(*base.campaigns, special), line_items=tuple(items))


@dataclass
class World:
    """A table, and all that was bid at it with what the twin says it was told by."""

    seed: int
    table: Table = field(default_factory=lambda: Table(campaigns=campaigns()))
    records: dict[str, Record] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        for name in PEOPLE:
            self.records[name] = self._record()
            people: People = self.table.people
            known = self.records[name]
            scores = {
                score_id(PROFILE_SCORES[score]): Scored(300 + place, 1) for place, score in enumerate(SCORE_NAMES)
            }
            people.put(f"buyeruid:usx:{name}", known.segments, known.shown, relations=known.relations, scores=scores)

    def _record(self) -> Record:
        draw = self.draw

        def ago(most: int) -> int:
            return NOW_S - draw.randint(0, most)

        relations = {
            advertiser: Standing(draw.randint(0, 9), *(draw.choice((0, ago(60 * DAY), ago(DAY))) for _ in range(4)))
            for advertiser in (1, 2, 9)
            if draw.random() < 0.8
        }
        shown = {
            scope: sorted(ago(9 * DAY) for _ in range(draw.randint(1, 40)))
            for scope in (advertiser_scope(1), campaign_scope(1), campaign_scope(SPECIAL), advertiser_scope(9))
            if draw.random() < 0.7
        }
        segments = {audience: NOW_S + draw.randint(-DAY, DAY) for audience in range(1, draw.randint(2, 9))} | {
            5: NOW_S + DAY
        }
        return Record(segments=segments, shown=shown, relations=relations)

    def some(self, share: float, **said: Any) -> dict[str, Any]:
        """These fields, with that probability."""
        return said if self.draw.random() < share else {}

    def request(self, number: int) -> dict[str, Any]:
        """One of many kinds; about one in ten has a number or a text where the other belongs."""
        draw = self.draw
        some = self.some
        odd = draw.random() < 0.1
        place: dict[str, Any] = {
            **some(0.7, publisher={"id": draw.choice(("pub-1", "Pub-2"))}),
            **some(0.6, cat=draw.sample(["IAB12", "IAB13-2", "IAB1-5", "IAB3"], draw.randint(1, 3))),
        }
        where: dict[str, Any] = {
            **some(0.9, country=draw.choice(("USA", "US", "USA"))),
            **some(0.5, region=draw.choice(("CA", "NY"))),
            **some(0.5, city=draw.choice(("Los Angeles", "new york"))),
            **some(0.5, zip=draw.choice(("10001", "SW1A 1AA"))),
            **some(0.5, utcoffset=draw.choice((-480, -300, 0, 330))),
        }
        device = {
            **some(0.9, ua=draw.choice(list(twin.AGENTS)[1:])),
            **some(0.3, os=draw.choice(("ios", "android", "Windows"))),
            **some(0.4, model=draw.choice(("iPhone", "SM-G991B"))),
            **some(0.5, language=draw.choice(("en", "en-GB", "de"))),
            **some(0.5, connectiontype="2" if odd else draw.randint(0, 7)),
            **some(0.3, devicetype=draw.randint(1, 7)),
            **some(0.1, lmt=1),
            "geo": where,
        }
        user = {
            **some(0.7, buyeruid=draw.choice((*PEOPLE, f"new-{number}"))),
            **some(0.5, yob="1984" if odd else draw.choice((1950, 1984, 1999, 2026))),
            **some(0.5, gender=draw.choice(("M", "F"))),
        }
        site = {"site": place | {"domain": draw.choice(("news.example", "Shop.News.example")), "page": "https://x/"}}
        app = {"app": place | {"bundle": draw.choice(("com.Game", "com.chat"))}}
        return {
            "id": f"auction-{number}", "at": 2, "cur": ["USD"],
            "imp": [self._imp(place + 1, odd) for place in range(draw.choice((1, 1, 1, 2, 3)))],
            **(app if draw.random() < 0.4 else site),
            "device": device, "user": user,
        }  # fmt: skip

    def _imp(self, number: int, odd: bool) -> dict[str, Any]:
        draw = self.draw
        some = self.some
        said: dict[str, Any] = {"id": str(number), **some(0.6, tagid=draw.choice(("top", "Side", "42")))}
        if odd:
            said["tagid"] = 42
        said |= some(0.2, instl=1)
        if draw.random() < 0.75:
            width, height = draw.choice(((300, 250), (728, 90), (160, 600)))
            sizes = {"format": [{"w": width, "h": height}, {"w": 300, "h": 250}]} if draw.random() < 0.4 else {
                "w": width, "h": 300.0 if odd and height == 300 else height}  # fmt: skip
            return said | {"banner": sizes | some(0.6, pos=draw.choice((0, 1, 3)))}
        video = {"mimes": ["video/mp4"], "minduration": 5, "maxduration": 30, "protocols": [2, 3, 7]}
        return said | {"video": video | some(0.7, w=640, h=360) | some(0.5, pos=draw.choice((1, 7)))}

    def bids(self, requests: int, log: Callable[[bytes], object] = lambda record: None) -> list[tuple[Bid, list[int]]]:
        """Decides so many; every bid that was logged, with the row that the twin makes of the request."""
        found = []
        for number in range(requests):
            request = self.request(number)
            self.table.log.clear()
            self.table.decide(json.dumps(request).encode())
            for record, event in zip(self.table.log, self.table.events(), strict=True):
                log(record)
                if isinstance(event, Bid):
                    found.append((event, self.expected(request, event)))
        return found

    def expected(self, request: dict[str, Any], bid: Bid) -> list[int]:
        """By the twin."""
        personal = not request["device"].get("lmt")
        who = request["user"].get("buyeruid") if personal else None
        format = "banner" if "banner" in request["imp"][bid.imp] else "video"
        special = bid.campaign == SPECIAL
        return twin.row(request, bid, self.records.get(who or ""), bool(who), format, special)
