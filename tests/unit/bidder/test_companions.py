"""Companions in the VAST of a bid: those are there that the request has a place for, whole, and no others."""

import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from bidder.auction import NoBid
from tests.auction_table import Table, snapshot

SIZES = ("300x250", "728x90", "160x600")


def campaigns(required: str = "none", **media: Any) -> object:
    companions = [
        {"width": w, "height": h, "image_url": f"https://cdn.bank.example/{w}.png", "mime": "image/png"}
        for w, h in ((300, 250), (728, 90), (160, 600))
    ]
    return snapshot({"creatives[4]": {"video": {"companions": companions, "companions_required": required, **media}}})


def bid(table: Table, **offer: Any) -> dict[str, Any]:
    video = {"mimes": ["video/mp4"], "w": 640, "h": 360, **offer}
    outcome: Any = table.decide(
        {"id": "r", "site": {}, "device": {"geo": {"country": "USA"}}, "imp": [{"id": "1", "video": video}]}
    )
    assert not isinstance(outcome, NoBid), outcome
    found: dict[str, Any] = outcome["seatbid"][0]["bid"][0]
    return found


def sizes(adm: str) -> list[str]:
    """Of the companions; that each is whole is checked too."""
    document = ElementTree.fromstring(adm)
    companions = [one for one in document.iter() if one.tag.rpartition("}")[2] == "Companion"]
    for one in companions:
        image, click = list(one)
        assert image.text == f"https://cdn.bank.example/{one.get('width')}.png"
        assert click.text and click.text.startswith("https://t.example/click/")
    return [f"{one.get('width')}x{one.get('height')}" for one in companions]


def places(*numbers: int) -> list[dict[str, int]]:
    return [dict(zip("wh", map(int, SIZES[n].split("x")), strict=True)) for n in numbers]


@pytest.mark.parametrize("protocol", [2, 3, 7, 11, 13])
@pytest.mark.parametrize("offered", [[], [0], [1], [2], [0, 1], [0, 2], [2, 1], [0, 1, 2]])
def test_those_that_have_a_place_are_put_in(protocol: int, offered: list[int]) -> None:
    adm = bid(Table(campaigns()), companionad=places(*offered), protocols=[protocol])["adm"]
    assert sizes(adm) == [SIZES[n] for n in sorted(offered)]
    assert ("CompanionAds" in adm) == bool(offered)
    assert not any("\ue000" <= character <= "\ue0ff" for character in adm)


@pytest.mark.parametrize(
    ("offer", "expected"),
    [
        ({}, SIZES),
        ({"companiontype": [1]}, SIZES),
        ({"companiontype": [2, 3]}, ()),
        ({"companionad": None}, SIZES),
        ({"companionad": [{"w": 300, "h": 250, "mimes": ["image/jpeg"]}]}, ()),
        ({"companionad": [{"w": 300, "h": 250, "mimes": ["image/jpeg", "image/png"]}]}, SIZES[:1]),
        ({"companionad": [{"w": 300, "h": 250}], "companiontype": [2]}, ()),
    ],
)
def test_what_the_request_says_of_its_places(offer: dict[str, Any], expected: tuple[str, ...]) -> None:
    adm = bid(Table(campaigns()), **offer)["adm"]
    assert tuple(sizes(adm)) == expected


def test_a_wrapper_has_companions_too() -> None:
    table = Table(campaigns(renditions=(), wrapper_url="https://third.example/vast", protocols=(3,)))
    assert sizes(bid(table, companionad=places(1), protocols=[3, 6])["adm"]) == ["728x90"]


@pytest.mark.parametrize(("protocol", "told"), [(2, None), (3, "any"), (13, "any")])
def test_the_player_is_told_what_it_must_show(protocol: int, told: str | None) -> None:
    document = ElementTree.fromstring(bid(Table(campaigns("any")), companionad=places(0), protocols=[protocol])["adm"])
    (group,) = [one for one in document.iter() if one.tag.rpartition("}")[2] == "CompanionAds"]
    assert group.get("required") == told  # VAST 2.0 cannot say it
