"""What impressions offer, by format: banners in sizes, players of video and audio, and native placements.

The objects are those of OpenRTB 2.6 (3.2.6 to 3.2.9) and Native 1.2, filled as sellers commonly fill them. The shares
are our choice: about those of open display exchanges.
"""

import json
import random
from decimal import Decimal
from typing import Any

from simulator.config import Format
from simulator.market import PHONE_SIZES, Market
from simulator.population import Person

FORMAT_SHARES: dict[Format, float] = {"banner": 0.70, "native": 0.20, "video": 0.08, "audio": 0.02}
"""Of requests; the impressions of one are of the same format."""
PRICE_FACTORS: dict[Format, float] = {"banner": 1.0, "native": 1.3, "video": 8.0, "audio": 6.0}
"""What others pay for an impression of a format, and what sellers ask, against a banner's."""
SECOND_FORMAT = 0.15
"""Of banners, so many offer video or native in the same place; of native placements, banners."""
SECOND_SIZE, BLOCK_ATTRIBUTES, FLOORS_BY_LENGTH = 0.3, 0.4, 0.3

PLAYER_SIZES = ((640, 360), (1280, 720), (1920, 1080), (300, 250))
"""In-stream players, and one in a banner's place."""
INLINE, WRAPPERS = (2, 3, 7, 11, 13), (5, 6, 8, 12, 14)
VERSIONS = ((2, 0.35), (3, 0.3), (4, 0.15), (5, 0.2))
"""So many of the protocols a player knows, the oldest first: VAST 2 and 3 in all of them, up to 4.2 in some."""
LONGEST_S = (15, 30, 30, 60)

TITLE, SPONSORED, DESCRIPTION, CALL_TO_ACTION = 1, 2, 3, 4
"""Ids of assets, as this exchange gives them."""
ICON, MAIN = 5, 6


def drawn(shares: dict[Format, float], rng: random.Random) -> Format:
    return rng.choices(list(shares), list(shares.values()))[0]


def formats(
    format: Format, person: Person, market: Market, rng: random.Random, floor: Decimal | None
) -> dict[str, Any]:
    """The format objects of one imp, by name. ``floor`` is the imp's: ads that play may have others by their length."""
    kinds: list[Format] = [format]
    if format in ("banner", "native") and rng.random() < SECOND_FORMAT:
        kinds.append("banner" if format == "native" else rng.choice(("video", "native")))
    found: dict[str, Any] = {}
    for kind in kinds:
        match kind:
            case "banner":
                found[kind] = banner(person, market, rng)
            case "video":
                found[kind] = video(person, rng, floor)
            case "audio":
                found[kind] = audio(rng, floor)
            case "native":
                found[kind] = native(rng)
        if rng.random() < BLOCK_ATTRIBUTES:
            found[kind]["battr"] = sorted(rng.sample(range(1, 18), 4))
    return found


def banner(person: Person, market: Market, rng: random.Random) -> dict[str, Any]:
    phone = person.agent.device_type == 4
    values, weights = zip(*(PHONE_SIZES if phone else market.desktop_sizes), strict=True)
    width, height = rng.choices(values, weights)[0]
    made: dict[str, Any] = {"w": width, "h": height, "pos": rng.choice((0, 1, 1, 3))}
    if rng.random() < SECOND_SIZE:
        other = rng.choices(values, weights)[0]
        made["format"] = [{"w": w, "h": h} for w, h in dict.fromkeys(((width, height), other))]
    return made


def video(person: Person, rng: random.Random, floor: Decimal | None) -> dict[str, Any]:
    """A player: in-stream or in an article, skippable or not."""
    width, height = rng.choice(PLAYER_SIZES)
    in_stream = (width, height) != (300, 250)
    skippable = rng.random() < 0.6
    made = {
        "mimes": ["video/mp4", "video/webm"] if rng.random() < 0.6 else ["video/mp4"],
        "w": width,
        "h": height,
        "linearity": 1,
        "plcmt": 1 if in_stream else 4,
        "placement": 1 if in_stream else 3,
        "playbackmethod": [rng.choice((1, 2, 3, 6))],
        "delivery": [2],
        "skip": int(skippable),
        "pos": 1 if in_stream else 3,
        **_playing(rng, floor),
    }
    if in_stream:
        made |= {"startdelay": rng.choice((0, 0, -1, -2)), "maxbitrate": 4000}
    if skippable:
        made |= {"skipmin": 0, "skipafter": 5}
    if rng.random() < 0.3 and not person.agent.app:
        made["companionad"] = [{"w": 300, "h": 250, "id": "1"}]
        made["companiontype"] = [1, 2]
    return made


def audio(rng: random.Random, floor: Decimal | None) -> dict[str, Any]:
    """A break in a stream of music, a broadcast or a podcast."""
    return {
        "mimes": ["audio/mpeg", "audio/mp4"],
        "startdelay": rng.choice((0, -1)),
        "feed": rng.choice((1, 2, 3)),
        "stitched": int(rng.random() < 0.4),
        "nvol": rng.choice((1, 3)),
        **_playing(rng, floor),
    }


def _playing(rng: random.Random, floor: Decimal | None) -> dict[str, Any]:
    known = rng.choices([n for n, _ in VERSIONS], [share for _, share in VERSIONS])[0]
    longest = rng.choice(LONGEST_S)
    made: dict[str, Any] = {
        "protocols": [*INLINE[:known], *WRAPPERS[:known]],
        "minduration": 5,
        "maxduration": longest,
    }
    if floor is not None and longest > 15 and rng.random() < FLOORS_BY_LENGTH:
        dearer = (floor * Decimal("1.4")).quantize(Decimal("0.001"))
        made["durfloors"] = [{"maxdur": 15, "bidfloor": floor}, {"mindur": 16, "bidfloor": dearer}]
    return made


def native(rng: random.Random) -> dict[str, Any]:
    """A place in a feed: title, picture and sponsor are needed, the rest is shown where there is any."""
    version = rng.choice(("1.1", "1.2", "1.2", "1.2"))
    assets: list[dict[str, Any]] = [
        {"id": TITLE, "required": 1, "title": {"len": rng.choice((25, 50, 90))}},
        {"id": SPONSORED, "required": 1, "data": {"type": 1, "len": 25}},
        {"id": DESCRIPTION, "data": {"type": 2, "len": rng.choice((90, 140))}},
        {"id": CALL_TO_ACTION, "data": {"type": 12, "len": 15}},
        {"id": ICON, "img": {"type": 1, "wmin": 50, "hmin": 50}},
    ]
    if rng.random() < 0.8:
        picture = {"type": 3, "wmin": 600, "hmin": 313, "mimes": ["image/jpeg", "image/png"]}
        assets.append({"id": MAIN, "required": 1, "img": picture})
    asked: dict[str, Any] = {"ver": version, "context": 1, "plcmttype": 1, "plcmtcnt": 1, "assets": assets}
    if version == "1.2":
        asked["eventtrackers"] = [{"event": event, "methods": [1]} for event in (1, 2)]
        asked["privacy"] = 1
    return {"request": json.dumps(asked), "ver": version}
