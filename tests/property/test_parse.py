"""However a request is mangled, it is read or refused; and the lenient reading says what the strict one says."""

import json
import random
from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from openrtb.model import BidRequest
from openrtb.parse import Malformed, _parse_leniently, decode_strictly, parse
from tests.examples import examples

WHOLE: dict[str, Any] = {
    "id": "r1",
    "imp": [
        {
            "id": "1",
            "banner": {"format": [{"w": 300, "h": 250}], "battr": [1, 3], "mimes": ["image/png"], "pos": 1},
            "pmp": {"private_auction": 1, "deals": [{"id": "d", "bidfloor": 1.5, "at": 3, "wseat": ["s"]}]},
            "bidfloor": 0.25,
            "secure": 1,
        },
        {"id": "2", "native": {"request": "{}", "ver": "1.2"}, "video": {"mimes": ["video/mp4"], "w": 640}},
    ],
    "site": {"domain": "news.example", "cat": ["IAB1"], "publisher": {"id": "p"}, "content": {"language": "en"}},
    "device": {"ua": "Mozilla", "ip": "192.0.2.1", "geo": {"lat": 1.5, "country": "USA"}, "lmt": 0, "devicetype": 2},
    "user": {"id": "u", "eids": [{"source": "x", "uids": [{"id": "i", "atype": 1}]}], "ext": {"consent": "CP"}},
    "regs": {"coppa": 0, "ext": {"gdpr": 0, "gpp_sid": [7]}},
    "source": {"schain": {"complete": 1, "nodes": [{"asi": "a", "sid": "s", "hp": 1}]}},
    "at": 2,
    "tmax": 120,
    "cur": ["USD"],
    "bcat": ["IAB7"],
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a document."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@settings(max_examples=examples(300), deadline=None)
@given(st.integers(0, 2**32), st.lists(JSON, min_size=1, max_size=4))
def test_any_value_anywhere(seed: int, values: list[Any]) -> None:
    document = json.loads(json.dumps(WHOLE))
    choose = random.Random(seed)
    for value in values:
        container, key = choose.choice(places(document))
        container[key] = value
    try:
        parsed = parse(json.dumps(document).encode())
    except Malformed:
        return
    assert parsed.id and parsed.imp and all(imp.id for imp in parsed.imp)
    repairs, parsed.repairs = parsed.repairs, None
    assert decode_strictly(msgspec.json.encode(parsed)) == parsed  # every field has its type, bounds included
    assert repairs is None or all(repairs)


def slacken(value: Any, choose: random.Random) -> Any:
    """The same request as a careless exchange writes it: every change here can be undone without loss."""
    if isinstance(value, dict):
        return {key: slacken(item, choose) for key, item in value.items()}
    if isinstance(value, list):
        items = [slacken(item, choose) for item in value]
        return items[0] if len(items) == 1 and choose.random() < 0.3 else items
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return choose.choice([value, str(value), float(value), *([bool(value)] if value in (0, 1) else [])])
    if isinstance(value, float):
        return choose.choice([value, str(value)])
    return value


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 2**32))
def test_what_can_be_coerced_is_coerced_without_loss(seed: int) -> None:
    body = json.dumps(slacken(WHOLE, random.Random(seed))).encode()
    parsed = parse(body)
    parsed.repairs = None
    assert parsed == decode_strictly(json.dumps(WHOLE).encode())


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 2**32))
def test_both_readings_agree_on_what_is_clean(seed: int) -> None:
    document = json.loads(json.dumps(WHOLE))
    choose = random.Random(seed)
    for _ in range(choose.randrange(12)):
        container, key = choose.choice(places(document))
        if isinstance(container, dict):
            del container[key]
    body = json.dumps(document).encode()
    try:
        strict: BidRequest | None = decode_strictly(body)
    except msgspec.ValidationError:
        strict = None
    try:
        lenient: BidRequest | None = _parse_leniently(body)
    except Malformed:
        lenient = None
    if strict is not None:
        assert lenient == strict  # and so it has no repairs
    else:
        assert lenient is None or lenient.repairs


@settings(max_examples=examples(300), deadline=None)
@given(st.integers(0, 2**32), st.binary(min_size=1, max_size=6))
def test_any_bytes_anywhere(seed: int, noise: bytes) -> None:
    body = json.dumps(WHOLE).encode()
    choose = random.Random(seed)
    at = choose.randrange(len(body))
    with suppress(Malformed):
        parse(body[:at] + noise + body[at + choose.randrange(8) :])
