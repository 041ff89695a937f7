"""The battery's own judgement: each answer here is wrong in one way, and it is said."""

import copy
import json
from typing import Any

import pytest

from tests.strangers import soundness
from tests.strangers.bases import APP, BASES, SITE
from tests.strangers.judge import judge
from tests.strangers.made import requests
from tests.strangers.mutations import GONE, changed, encoded, mutants
from tests.strangers.soundness import Verdict
from tests.strangers.wire import Answer

BID: dict[str, Any] = {
    "id": "b", "impid": "1", "price": 20, "w": 300, "h": 250, "mtype": 1, "crid": "c", "adomain": ["bank.example"],
    "adm": "<b>card</b>", "language": "en",
}  # fmt: skip


def answered(bid: dict[str, Any], status: int = 200) -> Answer:
    return Answer(status, {}, json.dumps({"id": "r-1", "seatbid": [{"seat": "outbid", "bid": [BID | bid]}]}).encode())


def test_a_right_answer() -> None:
    judged = judge(answered({}), SITE)
    assert not judged.faults and not judged.refused and {bid.imp for bid in judged.bids} == {"1"}


@pytest.mark.parametrize(
    ("answer", "document"),
    [
        (answered({"price": 0.4}), SITE),
        (answered({"w": 301}), SITE),
        (answered({"impid": "9"}), SITE),
        (answered({}), changed(SITE, ("imp", 0, "bidfloor"), -1)),
        (answered({}), changed(SITE, ("imp", 0, "bidfloor"), "low")),
        (answered({}), changed(SITE, ("imp", 1, "id"), "1")),
        (answered({}), changed(SITE, ("app",), {}) if "app" in SITE else {**SITE, "app": {}}),
        (answered({}), changed(SITE, ("id",), GONE)),
        (answered({}), None),
        (answered({}, 500), SITE),
        (Answer(503, {}, b""), SITE),
        (Answer(204, {"x-outbid-no-bid": "1"}, b""), SITE),
        (Answer(204, {}, b"{}"), SITE),
        (Answer(400, {}, b"no"), SITE),
        (Answer(200, {}, b"{"), SITE),
    ],
)
def test_a_wrong_answer(answer: Answer, document: Any) -> None:
    assert judge(answer, document).faults


def test_no_bid_and_refused_are_told_apart() -> None:
    assert judge(Answer(400, {}, b""), SITE).refused
    assert judge(Answer(200, {}, b'{"id":"r-1","nbr":2}'), SITE).refused
    assert judge(Answer(204, {"x-outbid-no-bid": "2"}, b""), SITE).refused
    assert judge(Answer(200, {}, b'{"id":"r-1","nbr":500}'), SITE)[1:3] == (False, 500)


@pytest.mark.parametrize(
    ("path", "value", "verdict"),
    [
        (("imp", 0, "video"), None, Verdict.SOUND),
        (("imp", 0, "video", "mimes"), GONE, Verdict.SOUND),  # the others are served
        (("imp",), [], Verdict.DEFECTIVE),
        (("imp",), None, Verdict.DEFECTIVE),
        (("imp",), [{"id": "1", "video": {}}], Verdict.DEFECTIVE),
        (("imp",), [{"id": ""}, {"id": None}], Verdict.DEFECTIVE),
        (("id",), 17, Verdict.SOUND),
        (("id",), "", Verdict.DEFECTIVE),
        (("id",), "\ud83d", Verdict.DEFECTIVE),
        (("app",), "text", Verdict.SOUND),
    ],
)
def test_what_is_unusable(path: tuple[str | int, ...], value: Any, verdict: Verdict) -> None:
    assert soundness.of_request(changed(APP, path, value)) is verdict


def test_a_defective_imp_is_named() -> None:
    assert soundness.defective_imps(changed(APP, ("imp", 0, "video", "mimes"), GONE)) == {"v"}
    assert soundness.defective_imps(APP) == set()


def test_the_bases_and_the_made_ones_are_sound() -> None:
    for document in (*BASES, *requests(300)):
        assert soundness.of_request(document) is Verdict.SOUND, document
        json.loads(encoded(document))


def test_every_place_has_its_mutants() -> None:
    before = copy.deepcopy(SITE)
    found = list(mutants(SITE))
    assert before == SITE and len(found) > 3_000
    assert all(mutant.document != SITE for mutant in found if mutant.kind == "removed")
