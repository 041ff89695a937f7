"""The scanner against the typed model: for any bytes, either the same request or none, and then the model's."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.exchange import Exchange
from domain.naming import name_id
from openrtb.decode import decode, decode_through_model, scans
from openrtb.parse import Malformed
from openrtb.request import Request
from tests.examples import examples

EXCHANGE = Exchange(1, "usx", "USD", "burl")
BASE = json.loads((Path(__file__).parents[1] / "golden" / "request.json").read_text())
RICH = {
    **BASE,
    "wseat": ["outbid", "x"], "bseat": ["y"], "bcat": ["IAB7-1", "IAB25"], "acat": ["IAB13"], "badv": ["a.example"],
    "bapp": ["com.a.app", "1234"], "wlang": ["en"], "wlangb": ["zh-Hant-TW", "de"], "allimps": 1, "ext": {"x": 1},
    "cattax": 1, "test": 0,
    "regs": {"coppa": 0, "gdpr": 0, "us_privacy": "1YNN", "gpp": "DBABLA~BAAAAAAAAAA", "gpp_sid": [7, 70, 0, -1],
             "gpc": "0", "ext": {"gdpr": 1, "us_privacy": "1YYN", "gpp": "DBABM~C", "gpp_sid": [2], "gpc": "1",
                                 "coppa": 1}},
    "source": {"tid": "t", "fd": 1, "schain": {"ver": "1.0", "complete": 1, "nodes": [
        {"asi": "Ssp.Example", "sid": "00-A", "hp": 1, "rid": "r"}, {"asi": "x.example", "sid": "7", "hp": 1}]}},
    "site": {"domain": "News.Example.com", "cat": ["IAB1-2"], "pagecat": ["IAB3"], "content": {"cat": ["IAB5"]},
             "inventorypartnerdomain": "Partner.example",
             "publisher": {"id": "P-1", "domain": "example.com", "name": "N"}},
    "user": {"id": "u", "buyeruid": "Ann", "consent": "CPx",
             "ext": {"consent": "COy", "eids": [{"source": "UIDAPI.com", "uids": [{"id": "Tok+/=", "atype": 3}]},
                                                {"source": "a.example", "uids": [{"id": "x"}, {"id": "y"}]}]},
             "eids": [{"source": "uidapi.com", "uids": [{"id": "Tok+/=", "atype": 3, "ext": {}}]},
                      {"source": "Graph.Example", "mm": 5, "matcher": "m", "uids": [{"id": "g", "atype": 3}]},
                      {"source": "none.example", "uids": []},
                      {"source": "id5-sync.com", "uids": [{"id": "ID5*1", "atype": 1}, {"atype": 3}]}]},
    "device": {**BASE["device"], "os": "iOS", "ip": "203.0.113.9", "language": "en-US", "devicetype": 4, "lmt": 0,
               "dnt": 0, "geo": {"country": "USA", "region": "NY", "lat": 40.1}},
    "imp": [
        {"id": "1", "banner": {"format": [{"w": 300, "h": 250}, {"w": 1, "h": 2, "x": None}], "battr": [1, 8, 70],
                               "mimes": ["image/png", "x/y"], "btype": [4]}, "bidfloor": 0.35, "secure": 1, "instl": 1,
         "exp": 30, "qty": {"multiplier": 1.5}},
        {"id": "2", "video": {"minduration": 5}, "native": {"request": ""}, "pmp": {"deals": [{"id": "nobody's"}]}},
        {"id": "4", "native": {"request": "{\"ver\":\"1.2\",\"assets\":[]}", "ver": "1.2", "battr": [3], "api": [7]},
         "video": {"mimes": ["video/mp4", "Video/WebM"], "minduration": 5, "maxduration": 30, "protocols": [2, 3, 7],
                   "w": 640, "h": 360, "linearity": 1, "skip": 0, "boxingallowed": 0, "minbitrate": 100,
                   "delivery": [2], "maxbitrate": 5000, "battr": [16], "api": [7],
                   "mincpmpersec": 0.05, "poddur": 60, "maxseq": 3, "podid": "Pod-1", "slotinpod": 2,
                   "poddedupe": [1, 3],
                   "companiontype": [1, 2], "companionad": [
                       {"format": [{"w": 300, "h": 250}, {"wratio": 4, "hratio": 1, "wmin": 300}],
                        "mimes": ["image/png"]},
                       {"w": 728, "h": 90, "id": "2", "vcm": 1}, {"battr": [1]}],
                   "durfloors": [{"maxdur": 15, "bidfloor": 5}, {"mindur": 16, "bidfloor": 10.5, "x": 1}, {}]},
         "audio": {"mimes": ["audio/mpeg"], "rqddurs": [15, 30], "protocols": [9], "podid": "Pod-1",
                   "companionad": [], "maxseq": 2, "slotinpod": -1}, "bidfloor": 2.5,
         "banner": {"w": 320, "h": 50, "expdir": [2], "api": [5], "format": [{"wratio": 6, "hratio": 5, "wmin": 300}]}},
        {"id": "3", "banner": {"w": 728, "h": 90}, "bidfloor": 1, "bidfloorcur": "EUR", "exp": 60,
         "qty": {"multiplier": 14.2, "sourcetype": 1, "vendor": "v.example"},
         "pmp": {"private_auction": 1, "deals": [
             {"id": "D", "bidfloor": 2.25, "at": 3, "wseat": ["outbid"], "wadomain": ["bank.example"],
              "guar": 1, "mincpmpersec": 0.1, "durfloors": [{"mindur": 5, "maxdur": 10, "bidfloor": 3}]},
             {"id": "E", "bidfloor": None, "guar": 0},
             {"id": "N", "bidfloor": -1, "wadomain": ["x.example"]}]}},
    ],
}  # fmt: skip
SCREEN = {
    **{key: value for key, value in RICH.items() if key != "site"},
    "dooh": {
        "id": "Screen-1",
        "name": "Gleis 1",
        "venuetype": ["transit"],
        "venuetypetax": 1,
        "domain": "Screens.Example",
        "keywords": "trains",
        "publisher": {"id": "P-1", "domain": "screens.example"},
        "content": {"cat": ["IAB1-2"]},
    },
}
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**33), 2**33), st.floats(allow_nan=False), st.text(max_size=4),
    st.sampled_from(["USD", "usd", "", "1", "300.0", "0", [], {}, [1], ["x"], [None], {"id": "z"}, "ü", "a\\b", 'q"']),
)  # fmt: skip


def paths(value, here=()):
    """Every place in a document."""
    yield here
    if isinstance(value, dict):
        for key in value:
            yield from paths(value[key], (*here, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from paths(item, (*here, place))


PATHS = [path for path in paths(RICH) if path]


def outcome(way, body: bytes):
    request = Request()
    try:
        reason = way(request, body, EXCHANGE, 1_795_521_600_000_000_000)
    except Malformed as error:
        return ("malformed", str(error))
    return (reason, request.fields() if reason == 0 else None)


def compare(body: bytes) -> None:
    assert outcome(decode, body) == outcome(decode_through_model, body)


def test_a_clean_request_is_scanned() -> None:
    assert scans(json.dumps(RICH).encode(), EXCHANGE)
    compare(json.dumps(RICH).encode())


def test_a_clean_screen_is_scanned() -> None:
    assert scans(json.dumps(SCREEN).encode(), EXCHANGE)
    compare(json.dumps(SCREEN).encode())
    for names in ({"id": "S"}, {"name": "Größe"}, {"name": "plain"}, {"domain": "", "id": "", "name": ""}, {}):
        compare(json.dumps({**SCREEN, "dooh": names}, ensure_ascii=False).encode())
    for more in ({"site": {"domain": "a.example"}}, {"app": {}}, {"site": None, "app": None}, {"dooh": None}):
        compare(json.dumps({**SCREEN, **more}).encode())


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["dooh", *SCREEN["dooh"]]), ODD | st.just("delete")), min_size=1, max_size=4),
    st.sampled_from([{}, {"site": {"domain": "a.example"}}, {"site": None}, {"app": {"bundle": "b"}}]),
)
def test_changed_screens(changes, beside) -> None:
    document = {**copy.deepcopy(SCREEN), **beside}
    for name, value in changes:
        inside = document if name == "dooh" else document.get("dooh")
        if isinstance(inside, dict):
            inside.pop(name, None)
            if value != "delete":
                inside[name] = copy.deepcopy(value)
    compare(json.dumps(document).encode())
    compare(json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "replace"))


@pytest.mark.parametrize("size", [255, 256, 257, 1000])
def test_names_of_any_length_are_folded_alike(size: int) -> None:
    name = "Ab" * (size // 2) + "C" * (size % 2)
    body = json.dumps({
        **RICH, "badv": [name], "bcat": [f"{name}-1"], "site": {**RICH["site"], "domain": name},
        "source": {"schain": {"ver": "1.0", "complete": 1, "nodes": [{"asi": name, "sid": "1"}]}},
    }).encode()  # fmt: skip
    assert scans(body, EXCHANGE)
    compare(body)
    request = Request()
    decode(request, body, EXCHANGE, 0)
    assert request.fields()["badv"] == [name_id(name.lower())]


@pytest.mark.parametrize("kind", ["video", "audio"])
@pytest.mark.parametrize("floor", [-1, -0.0, 0, "-1", "x", None])
def test_floors_below_zero_by_length(kind: str, floor) -> None:
    offer = {"mimes": [f"{kind}/mp4"], "durfloors": [{"maxdur": 15, "bidfloor": floor}, {"bidfloor": 2}]}
    deal = {"id": "d", "durfloors": [{"bidfloor": floor}]}
    for imp in ({kind: offer}, {kind: {"mimes": [f"{kind}/mp4"]}, "pmp": {"deals": [deal]}}):
        compare(json.dumps({"id": "a", "imp": [{"id": "1", **imp}, {"id": "2", "banner": {"w": 1, "h": 1}}]}).encode())


WORDY = (
    '{"id":"a","imp":[{"id":"1","banner":{"w":1,"h":1},"tagid":"Größe"}],'
    '"site":{"domain":"d.example","page":"https:\\/\\/d.example\\/straße",'
    '"name":"Zeitung für \\"alle\\" \\u00e9","keywords":"日本,\\ud83d\\ude00,/\\/"},'
    '"device":{"geo":{"country":"CHE","region":"Genève","city":"Zürich"},"model":"\\t"},"ü":1}'
)


def test_words_of_any_language_are_scanned() -> None:
    body = WORDY.replace(',"ü":1', "").encode()
    assert scans(body, EXCHANGE)
    compare(body)
    request = Request()
    decode(request, body, EXCHANGE, 0)
    assert request.place == ("CHE", "Genève", "Zürich")
    assert not scans(WORDY.encode(), EXCHANGE)  # a key could be any
    compare(WORDY.encode())


@settings(max_examples=examples(750), deadline=None)
@given(st.integers(0, len(WORDY.encode())), st.integers(0, 4), st.binary(max_size=3) | st.sampled_from(
    [b"\\", b"\\u", b"\\ud800", b"\\x", b'"', b"\xc3", b"\xe2\x82", b"\xf0\x90", b"\xed\xa0\x80", b"\xc0\xa2", b"\x7f"]
))  # fmt: skip
def test_changed_words(at: int, cut: int, inserted: bytes) -> None:
    body = WORDY.encode()
    compare(body[:at] + inserted + body[at + cut :])


@settings(max_examples=examples(750), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), ODD | st.just("delete")), min_size=1, max_size=4))
def test_changed_values(changes) -> None:
    document = copy.deepcopy(RICH)
    for path, value in changes:
        inside = document
        try:
            for step in path[:-1]:
                inside = inside[step]
            if value == "delete":
                del inside[path[-1]]
            else:
                inside[path[-1]] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away
    compare(json.dumps(document).encode())
    compare(json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "replace"))


PRIVACY_PATHS = [
    path for path in PATHS if path[0] in ("regs", "user") or path in (("device", "lmt"), ("device", "dnt"))
]
SIGNALS = ODD | st.sampled_from(
    ["delete", "1YYN", "1", "0", "-1", 1, 0, -1, 2, [0], [-1], [63], [64], [7, 2], "C\x7f", True]
)


@settings(max_examples=examples(750), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PRIVACY_PATHS), SIGNALS), min_size=1, max_size=8))
def test_changed_privacy_signals(changes) -> None:
    document = copy.deepcopy(RICH)
    for path, value in changes:
        try:
            inside = document
            for step in path[:-1]:
                inside = inside[step]
            if value == "delete":
                del inside[path[-1]]
            else:
                inside[path[-1]] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue
    compare(json.dumps(document).encode())


@pytest.mark.parametrize(
    "regs",
    [
        *({"gdpr": 1}, {"ext": {"gdpr": 1}}, {"us_privacy": "1YYN"}, {"gpp": "DBABLA~BAAAAAAAAAA", "gpp_sid": [7]}),
        *({"gpc": 1}, {"gpc": "1"}, {"ext": {"gpc": "1"}}, {"ext": {"dsa": {"dsarequired": 1}}}, {"ext": None}),
    ],
)
def test_privacy_signals_stay_with_the_scanner(regs) -> None:
    body = json.dumps({**BASE, "regs": regs, "user": {"ext": {"consent": "CPx", "eids": []}}}).encode()
    assert scans(body, EXCHANGE)
    compare(body)


TEXT = json.dumps(RICH, separators=(",", ":")).encode()


@settings(max_examples=examples(750), deadline=None)
@given(
    st.integers(0, len(TEXT)),
    st.integers(0, 6),
    st.binary(max_size=3) | st.sampled_from([b",", b"}", b"]", b'"', b" ", b"\0", b":"]),
)
def test_changed_bytes(at: int, cut: int, inserted: bytes) -> None:
    compare(TEXT[:at] + inserted + TEXT[at + cut :])


@example(b'{"id":"a","id":"b","imp":[{"id":"1","banner":{"w":1,"h":1}}]}')
@example(b'{"id":"a","imp":[{"id":"1","banner":{"w":01,"h":1}}]}')
@example(b'{"id":"a","imp":[{"id":"1","bidfloor":0.1234567890123456789}]}')
@example(b'{"id":"a","imp":[{"id":"1","bidfloor":1e-3,"banner":{"w":1,"h":1}}]}')
@example(b'{"id":"a","imp":[{"id":"1","bidfloor":-0,"banner":{"w":-0,"h":1}}]}')
@example(b'{"id":"a","imp":[{"id":"1","banner":{}}],}')
@example(b'{"id":"a","imp":[{"id":"1","banner":{}},]}')
@example(b'{"id":"a","imp":[{"id":"1","banner":{}}]} x')
@example(b'{"id":"a","imp":[{"id":"1","banner":{},"x":[[[1.],2]]}]}')
@example(b'\xef\xbb\xbf{"id":"a","imp":[{"id":"1","banner":{}}]}')
@example(b'{"id":"a","imp":[{"id":"1","banner":{}}],"x":' + b"[" * 60 + b"]" * 60 + b"}")
@given(st.binary(max_size=40))
def test_any_bytes(body: bytes) -> None:
    compare(body)


@settings(max_examples=examples(250), deadline=None)
@given(st.decimals(0, 10_000, places=6) | st.floats(0, 1e6))
def test_floors(floor) -> None:
    compare(b'{"id":"a","imp":[{"id":"1","bidfloor":%b,"banner":{"w":1,"h":1}}]}' % str(floor).encode())


NODES = st.lists(
    st.fixed_dictionaries({}, optional={
        "asi": st.sampled_from(["a.example", "A.Example", "", None, 7, "ü.example"]),
        "sid": st.sampled_from(["1", "", None, 1, "x" * 300]),
        "hp": st.sampled_from([0, 1, None, "1", True]),
    }) | st.none() | st.just("no node"),
    max_size=3,
)  # fmt: skip
CHAINS = st.none() | st.fixed_dictionaries({}, optional={
    "complete": st.sampled_from([0, 1, None, "1", 2]),
    "ver": st.sampled_from(["1.0", "1", "1.1", "2.0", "10", "", None, 1.0, 1]),
    "nodes": NODES | st.none() | st.just({}),
})  # fmt: skip


@settings(max_examples=examples(400), deadline=None)
@given(
    st.fixed_dictionaries({}, optional={
        "schain": CHAINS, "ext": st.none() | st.fixed_dictionaries({}, optional={"schain": CHAINS}),
    }),
    st.none() | st.sampled_from(["x", 5]) | st.fixed_dictionaries({}, optional={"schain": CHAINS, "x": st.just([1])}),
)  # fmt: skip
def test_supply_chains(source, ext) -> None:
    compare(json.dumps({**RICH, "source": source, "ext": ext}).encode())
