"""What the simulated exchange refuses in pods; each change breaks one rule."""

from decimal import Decimal
from typing import Any

import pytest

from simulator.checker import Answer, Bid, Loss
from simulator.exchange import settle
from simulator.offer import Offer, read_offer
from simulator.pod_checks import pod_faults

DYNAMIC: dict[str, Any] = {"mimes": ["video/mp4"], "podid": "p", "poddur": 60, "maxseq": 3, "slotinpod": 2}
FIXED: dict[str, Any] = {"mimes": ["video/mp4"], "podid": "p", "slotinpod": 1}


def offer(*videos: dict[str, Any]) -> Offer:
    imps = [{"id": str(n), "video": video, "banner": {"w": 1, "h": 1}} for n, video in enumerate(videos)]
    return read_offer({"id": "r", "imp": imps}, currency="USD", auction_type=2)


def bid(crid: str, imp: int = 0, dur: Any = 15, **more: Any) -> dict[str, Any]:
    return {"impid": str(imp), "crid": crid, "dur": dur, "mtype": 2, "adomain": [f"{crid}.example"], **more}


def faulty(bids: list[dict[str, Any]], *videos: dict[str, Any]) -> list[int]:
    return [*pod_faults(bids, offer(*videos))]


def test_a_pod_that_fits() -> None:
    assert faulty([bid("a", slotinpod=1), bid("b", dur=30, slotinpod=-1), bid("c")], DYNAMIC) == []
    assert faulty([bid("a"), bid("b", 1), bid("c", 1)], FIXED, DYNAMIC) == []
    assert faulty([bid("a"), bid("a", dealid="d")], FIXED) == []  # one of them is shown
    assert faulty([bid("a"), bid("a", 1)], FIXED, FIXED | {"podid": "q"}) == []
    assert faulty([bid("a"), bid("a", mtype=1)], DYNAMIC) == []


@pytest.mark.parametrize(
    ("bids", "videos", "refused"),
    [
        ([bid("a"), bid("b"), bid("c"), bid("d")], [DYNAMIC], [3]),
        ([bid("a", dur=30), bid("b", dur=31), bid("c", dur=30)], [DYNAMIC], [1]),
        ([bid("a", dur=None), bid("b", dur=0)], [DYNAMIC], [0, 1]),
        ([bid("a"), bid("a")], [DYNAMIC], [1]),
        ([bid("a"), bid("a")], [DYNAMIC | {"podid": None}], [1]),
        ([bid("a"), bid("a", 1)], [FIXED, DYNAMIC], [1]),
        ([bid("a"), bid("b", dealid="d"), bid("b", 1)], [FIXED, FIXED], [2]),
        ([bid("a", slotinpod=1), bid("b", slotinpod=1)], [DYNAMIC], [1]),
        ([bid("a", slotinpod=-1)], [DYNAMIC | {"slotinpod": 1}], [0]),
        ([bid("a", slotinpod=2)], [DYNAMIC], [0]),
        ([bid("a", slotinpod=1)], [FIXED], [0]),
        ([bid("a"), bid("b", adomain=["a.example"])], [DYNAMIC | {"poddedupe": [1]}], [1]),
        ([bid("a", cat=["IAB1"]), bid("b", cat=["IAB2", "IAB1"])], [DYNAMIC | {"poddedupe": [2]}], [1]),
    ],
)
def test_what_does_not_fit(bids: list[dict[str, Any]], videos: list[dict[str, Any]], refused: list[int]) -> None:
    assert faulty(bids, *videos) == refused


def held(name: str, price: str, kind: int = 2) -> Bid:
    return Bid("", name, "0", "s", "", Decimal(price), "USD", (), None, kind, "adm", "", "", "", Loss.WON, "")


@pytest.mark.parametrize(
    ("video", "winners"), [(DYNAMIC, ["a", "b"]), (DYNAMIC | {"maxseq": 1}, ["a"]), (FIXED, ["a"])]
)
def test_all_that_fit_into_a_dynamic_pod_are_won(video: dict[str, Any], winners: list[str]) -> None:
    answer = Answer((held("a", "3"), held("b", "2"), held("c", "0.5"), held("d", "2.5", kind=1)))
    found = settle(answer, offer(video), Decimal(1))
    assert [won.bid.id for won in found.won] == winners
    assert len(found.won) + len(found.lost) == 4
