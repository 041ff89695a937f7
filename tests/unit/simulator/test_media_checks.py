"""What the simulated exchange refuses in VAST documents and native answers; each change breaks one rule."""

import json
from typing import Any

import pytest

from simulator.media_checks import check_native, check_played

VIDEO: dict[str, Any] = {
    "mimes": ["video/mp4"], "protocols": [2, 3], "minduration": 5, "maxduration": 30, "minbitrate": 100,
    "maxbitrate": 3000, "delivery": [2], "skip": 1, "linearity": 1,
}  # fmt: skip
VAST = """<VAST version="3.0"><Ad id="1"><InLine><AdSystem>x</AdSystem><AdTitle>y</AdTitle>
<Impression><![CDATA[https://t.example/i]]></Impression><Creatives><Creative><Linear skipoffset="00:00:05">
<Duration>00:00:15</Duration><MediaFiles>
<MediaFile type="video/mp4" bitrate="2500" delivery="progressive" width="1" height="1">https://c.example/a.mp4</MediaFile>
</MediaFiles></Linear></Creative></Creatives></InLine></Ad></VAST>"""
BID: dict[str, Any] = {"attr": [16], "dur": 15, "protocol": 3}


def test_what_fits() -> None:
    assert check_played(BID, VIDEO, VAST) == ""
    assert check_played(BID, VIDEO | {"rqddurs": [15], "maxduration": None}, VAST) == ""
    in_version_4 = VAST.replace('<VAST version="3.0">', '<VAST xmlns="http://www.iab.com/VAST" version="4.0">')
    assert check_played(BID | {"protocol": 7}, VIDEO | {"protocols": [7]}, in_version_4) == ""


@pytest.mark.parametrize(
    ("bid", "offered", "document"),
    [
        ({}, {}, ("<VAST ", "<VAST <")),
        ({}, {}, ("VAST", "DAAST")),
        ({}, {}, ("InLine", "Outline")),
        ({}, {}, ('"3.0"', '"4.0"')),
        ({"protocol": 2}, {}, ("", "")),
        ({}, {"protocols": [2]}, ("", "")),
        ({}, {}, ("https://t.example/i", "")),
        ({}, {}, ("Linear", "NonLinear")),
        ({}, {"linearity": 2}, ("", "")),
        ({}, {}, ("00:00:15", "15")),
        ({}, {}, ("00:00:15", "00:00:31")),
        ({}, {}, ("00:00:15", "00:00:04.900")),
        ({}, {"rqddurs": [10]}, ("", "")),
        ({"dur": 20}, {}, ("", "")),
        ({}, {"skip": 0}, ("", "")),
        ({"attr": []}, {}, ("", "")),
        ({}, {}, ("video/mp4", "video/webm")),
        ({}, {}, ("2500", "3001")),
        ({}, {}, ("2500", "99")),
        ({}, {}, ("progressive", "streaming")),
    ],
)
def test_what_does_not_play(bid: dict[str, Any], offered: dict[str, Any], document: tuple[str, str]) -> None:
    assert check_played(BID | bid, VIDEO | offered, VAST.replace(*document) if document[0] else VAST)


NATIVE = {
    "ver": "1.2",
    "assets": [
        {"id": 1, "required": 1, "title": {"len": 10}},
        {"id": 2, "required": 1, "img": {"type": 3, "wmin": 600, "h": 300}},
        {"id": 3, "data": {"type": 2, "len": 5}},
    ],
}
ANSWER: dict[str, Any] = {
    "link": {"url": "https://bank.example"},
    "assets": [
        {"id": 1, "title": {"text": "ten chars!"}},
        {"id": 2, "img": {"url": "https://c.example/a.png", "w": 700, "h": 300}},
    ],
}


def test_a_native_answer_that_fits() -> None:
    assert check_native({"request": json.dumps(NATIVE)}, json.dumps(ANSWER)) == ""
    assert check_native({"request": NATIVE}, json.dumps(ANSWER)) == ""
    assert check_native({"request": {"native": NATIVE}}, json.dumps({"native": ANSWER})) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"link": {}},
        {"assets": ANSWER["assets"][:1]},
        {"assets": [{"id": 1, "title": {"text": "eleven char"}}, ANSWER["assets"][1]]},
        {"assets": [{"id": 1, "data": {"value": "x"}}, ANSWER["assets"][1]]},
        {"assets": [ANSWER["assets"][0], {"id": 2, "img": {"url": "https://x.example", "w": 599, "h": 300}}]},
        {"assets": [ANSWER["assets"][0], {"id": 2, "img": {"url": "https://x.example", "w": 600, "h": 301}}]},
        {"assets": [ANSWER["assets"][0], {"id": 2, "img": {"w": 600, "h": 300}}]},
        {"assets": [*ANSWER["assets"], {"id": 3, "data": {"value": "longer"}}]},
        {"assets": [*ANSWER["assets"], {"id": 9, "data": {"value": "x"}}]},
    ],
)
def test_a_native_answer_that_does_not(change: dict[str, Any]) -> None:
    assert check_native({"request": NATIVE}, json.dumps(ANSWER | change))


def test_roots_must_agree() -> None:
    assert check_native({"request": {"native": NATIVE}}, json.dumps(ANSWER))
    assert check_native({"request": NATIVE}, json.dumps({"native": ANSWER}))
    assert check_native({"request": NATIVE}, "no json")
