"""Each rule of what makes a request or an imp unusable: what breaks it, what does not, and how it is told."""

import json
from typing import Any

import pytest

from openrtb.parse import parse
from openrtb.validate import OF_A_REQUEST, OF_AN_IMP, imp_defect, request_defect

BANNER = {"w": 300, "h": 250}
BROKEN_IMPS: list[tuple[dict[str, Any], str]] = [
    ({"bidfloor": -0.000001}, "bidfloor: -1e-06"),
    ({"bidfloor": "none"}, "bidfloor: -1.0"),
    ({"video": {}}, "video.mimes: None"),
    ({"video": {"mimes": []}}, "video.mimes: '...'"),
    ({"video": {"mimes": ["video/mp4"], "mincpmpersec": -1}}, "video.mincpmpersec: -1.0"),
    ({"audio": {"protocols": [9]}}, "audio.mimes: None"),
    ({"audio": {"mimes": ["audio/mpeg"], "mincpmpersec": "?"}}, "audio.mincpmpersec: -1.0"),
    ({"video": {"mimes": ["video/mp4"], "durfloors": [{"bidfloor": 1}, {"bidfloor": -1}]}}, "video.durfloors: '...'"),
    ({"audio": {"mimes": ["audio/mpeg"], "durfloors": [{"bidfloor": "?"}]}}, "audio.durfloors: '...'"),
    ({"native": {"ver": "1.2"}}, "native.request: None"),
    ({"native": {"request": ""}}, "native.request: ''"),
]
SOUND_IMPS: list[dict[str, Any]] = [
    {}, {"bidfloor": 0}, {"bidfloor": -0.0}, {"bidfloor": None}, {"bidfloor": ""}, {"banner": {}}, {"video": None},
    {"video": {"mimes": ["x/y"], "minduration": 30, "maxduration": 5, "rqddurs": [15]}},
    {"video": {"mimes": ["x/y"], "durfloors": [{}, {"bidfloor": 0}]}, "audio": {"mimes": ["x/y"], "durfloors": []}},
    {"pmp": {"deals": [{"id": "d", "bidfloor": -1, "durfloors": [{"bidfloor": -1}]}]}}, {"secure": 7, "instl": -1},
]  # fmt: skip
BROKEN_REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"imp": [{"id": "1"}, {"id": "2"}, {"id": "1"}]}, "imp"),
    ({"imp": [{"id": "1"}, {"id": 1}]}, "imp"),
    ({"site": {}, "app": {}}, "site"),
    ({"site": {}, "dooh": {}}, "site"),
    ({"app": {}, "dooh": {}}, "site"),
]


def read(offer: dict[str, Any] | None = None, **fields: Any):
    imps = [{"id": "1", "banner": BANNER, **(offer or {})}]
    return parse(json.dumps({"id": "a", "imp": imps, **fields}).encode())


@pytest.mark.parametrize(("imp", "told"), BROKEN_IMPS)
def test_a_defective_imp(imp: dict[str, Any], told: str) -> None:
    request = read(imp)
    assert str(imp_defect(request.imp[0])).startswith(f"{told} is not allowed; ")
    assert request_defect(request) is None


@pytest.mark.parametrize("imp", SOUND_IMPS)
def test_a_sound_imp(imp: dict[str, Any]) -> None:
    assert imp_defect(read(imp).imp[0]) is None


@pytest.mark.parametrize(("fields", "path"), BROKEN_REQUESTS)
def test_a_request_that_contradicts_itself(fields: dict[str, Any], path: str) -> None:
    defect = request_defect(read(**fields))
    assert defect is not None and defect.path == path


@pytest.mark.parametrize(
    "fields", [{}, {"site": {}}, {"app": {}}, {"dooh": {}}, {"site": None, "app": {}}, {"wseat": ["a"], "bseat": ["b"]}]
)
def test_a_sound_request(fields: dict[str, Any]) -> None:
    assert request_defect(read(**fields)) is None


def test_every_rule_is_broken_by_one_of_these() -> None:
    imps = [read(imp).imp[0] for imp, _ in BROKEN_IMPS]
    assert [rule.path for rule in OF_AN_IMP if not any(rule.broken(imp) for imp in imps)] == []
    requests = [read(**fields) for fields, _ in BROKEN_REQUESTS]
    assert [rule.path for rule in OF_A_REQUEST if not any(rule.broken(request) for request in requests)] == []
