"""Bids in every format: what their markup calls opens at the tracker, and the exchange finds no fault."""

import json
import re
from pathlib import Path

import pytest

from domain.events import Kind
from simulator.markup import read_markup
from simulator.media_checks import check_native, check_played
from tests.auction_table import SEALER, Table, snapshot

REQUEST = json.loads((Path(__file__).parents[2] / "golden" / "request.json").read_text())
VIDEO = {"mimes": ["video/mp4"], "protocols": [2, 3, 7, 11, 13], "minduration": 5, "maxduration": 30}
AUDIO = {"mimes": ["audio/mpeg"], "protocols": [3]}
NATIVE = {"request": json.dumps({"ver": "1.2", "assets": [{"id": 1, "required": 1, "title": {"len": 90}}]})}


def bid_on(**imp: object) -> dict:
    table = Table()
    return table.decide({**REQUEST, "imp": [{"id": "1", **imp}]})["seatbid"][0]["bid"][0]


def token_of(url: str) -> str:
    return re.split(r"[/?]", url)[4]


@pytest.mark.parametrize("protocol", [2, 3, 7, 11, 13])
def test_a_player_finds_its_urls(protocol: int) -> None:
    bid = bid_on(video=VIDEO | {"protocols": [protocol]})
    assert check_played(bid, VIDEO | {"protocols": [protocol]}, bid["adm"]) == ""
    markup = read_markup(bid["adm"], bid["mtype"])
    (shown,), (clicked,) = markup.images, markup.links
    assert SEALER.open(token_of(shown), Kind.IMPRESSION).creative == 104
    assert SEALER.open(token_of(clicked), Kind.CLICK, b"https://www.bank.example/card").format == 1
    assert [url.partition("?e=")[2] for url in markup.played] == [
        "start", "first_quartile", "midpoint", "third_quartile", "complete",
    ]  # fmt: skip
    assert len({token_of(url) for url in markup.played}) == 1
    assert SEALER.open(token_of(markup.played[0]), Kind.EVENT).creative == 104
    assert all(len(url) < 512 for url in (*markup.images, *markup.links, *markup.played))


def test_audio_and_native_too() -> None:
    audio = bid_on(audio=AUDIO)
    assert check_played(audio, AUDIO, audio["adm"]) == ""
    native = bid_on(native=NATIVE)
    assert check_native(NATIVE, native["adm"]) == ""
    assert native["burl"]  # which bills native on this exchange
    (shown,), (clicked,) = (markup := read_markup(native["adm"], 4)).images, markup.links
    assert SEALER.open(token_of(shown), Kind.IMPRESSION).format == 3
    assert SEALER.open(token_of(clicked), Kind.CLICK, b"https://www.bank.example/card").creative == 106


def test_a_banner_tells_whether_it_was_in_view() -> None:
    measured = {"creatives[0]": {"viewability": True, "trackers": [
        {"event": "impression", "url": "https://x.example/i?a=1&b=2"}, {"event": "viewable", "url": "https://x.example/v"},
    ]}}  # fmt: skip
    bid = Table(snapshot(measured)).decide(REQUEST)["seatbid"][0]["bid"][0]
    urls = re.findall(r'"(https://[^"]*)"', bid["adm"].partition("<script>")[2])
    seen, theirs, unseen = urls[0], urls[1], urls[2]
    assert seen.endswith("?e=viewable") and unseen.endswith("?e=not_viewable") and theirs == "https://x.example/v"
    assert SEALER.open(token_of(seen), Kind.EVENT) == SEALER.open(token_of(unseen), Kind.EVENT)
    assert "https://x.example/i?a=1&b=2" in read_markup(bid["adm"]).images
