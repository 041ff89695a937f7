"""The record of decisions: found again by id, run again, forgotten in place, kept over a restart."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from eventlog.segments import segment_path
from eventlog.writer import LogBusy
from risk import decisions
from risk.decisions import FOLDER, Decision, DecisionLog, HitRecord, ScoreRecord, find, keys_of, recorded
from risk.flow import flow_of
from risk.replay import again, replay

FLOW = {
    "flow": "f",
    "facts": {"amount": {"kind": "number", "needed": True}},
    "steps": [
        {"name": "black", "list": "black", "then": "reject"},
        {"name": "large", "when": {"amount": {"above": 50}}, "then": "review"},
        {"name": "fraud", "score": "fraud", "reject_from": 900},
    ],
    "otherwise": "approve",
}


def a_decision(number: int, **fields: object) -> Decision:
    made = Decision(
        decisions.nonce(), 1_000 + number, "bank", "f", "v1", "approve", ("OTHERWISE",), 0.0,
        decisions.packed([number + 1, 10_000 + number]), ("ifa", "ip"), f"case-{number}", {"amount": number},
        {"component_size": 2, "fraud": None}, (), {"fraud": ScoreRecord(number, None, ("ip_degree_high",), 1)},
    )  # fmt: skip
    return msgspec.structs.replace(made, **fields)


async def keep(root: Path, some: list[Decision], *, durable: bool = True) -> list[str]:
    log = DecisionLog(root, durable=durable)
    try:
        return list(await asyncio.gather(*(log.record(one) for one in some)))
    finally:
        log.close()


@pytest.mark.parametrize("durable", [True, False])
async def test_each_is_found_by_its_id_alone_and_after_a_restart(tmp_path: Path, durable: bool) -> None:
    some = [a_decision(number) for number in range(500)]
    ids = await keep(tmp_path, some[:300], durable=durable) + await keep(tmp_path, some[300:], durable=durable)
    assert len(set(ids)) == 500
    assert [find(tmp_path, id_) for id_ in ids] == some
    assert list(recorded(tmp_path)) == list(zip(ids, some, strict=True))
    assert [found.id for found in recorded(tmp_path, since_ns=1_400)] == ids[400:]
    other = ids[0][:-10] + ids[1][-10:]
    beyond = f"{1 << 52:014x}{'0' * 10}"
    for wrong in (other, ids[0][:-1], "", "0" * 24, "f" * 24, "f" * 80, "-" + ids[0][1:], "zz", beyond, ids[0] + "0"):
        assert find(tmp_path, wrong) is None, wrong
    assert find(tmp_path / "nowhere", ids[0]) is None


async def test_one_process_writes(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path)
    with pytest.raises(LogBusy):
        DecisionLog(tmp_path)
    log.close()


async def test_a_person_is_taken_out_without_moving_anything(tmp_path: Path) -> None:
    some = [a_decision(number) for number in range(20)]
    some[7] = msgspec.structs.replace(some[7], keys=decisions.packed([3, 10_000]))  # the person of the third one, too
    ids = await keep(tmp_path, some)
    size = segment_path(tmp_path / FOLDER, 1).stat().st_size
    assert decisions.forget(tmp_path, {3, 99_999}) == 2
    assert decisions.forget(tmp_path, {3}) == 0
    assert segment_path(tmp_path / FOLDER, 1).stat().st_size == size
    assert (3).to_bytes(8, "little") not in segment_path(tmp_path / FOLDER, 1).read_bytes()
    for place, (id_, before) in enumerate(zip(ids, some, strict=True)):
        found = find(tmp_path, id_)
        assert found is not None
        if place in (2, 7):
            assert keys_of(found) == (0, 0) and set(found.reference) == {"-"}
            assert found == msgspec.structs.replace(before, keys=found.keys, reference=found.reference)
        else:
            assert found == before


async def test_a_dry_run_tells_what_a_flow_would_change(tmp_path: Path) -> None:
    on_list = HitRecord("black", 0, "fraud", "bureau", 0, 0)
    some = [a_decision(number, decision="review" if number > 50 else "approve") for number in range(100)]
    some += [
        a_decision(1, hits=(on_list,), decision="reject"),
        a_decision(2, hits=(msgspec.structs.replace(on_list, overruled=True),)),
        a_decision(950, decision="reject"),
        a_decision(3, facts={}),
    ]
    await keep(tmp_path, some)
    same = replay(flow_of(FLOW), recorded(tmp_path))
    assert same.decisions == 104 and not same.moved and not same.changes
    assert same.before == same.after == {"approve": 53, "review": 49, "reject": 2}
    assert same.without == {"amount": 1}
    steps = [step if step["name"] != "large" else step | {"when": {"amount": {"above": 90}}} for step in FLOW["steps"]]
    stricter = replay(flow_of(FLOW | {"steps": steps}), recorded(tmp_path), most_changes=3)
    assert stricter.moved == {"review to approve": 40}
    assert stricter.after == {"approve": 93, "review": 9, "reject": 2}
    assert [(one.before, one.after, one.reasons_after) for one in stricter.changes] == [
        ("review", "approve", ("OTHERWISE",))
    ] * 3
    assert stricter.reasons == {"OTHERWISE": 93, "LARGE": 9, "BLACK": 1, "FRAUD": 1}


def test_a_fact_that_means_something_else_in_another_flow_is_not_known_there() -> None:
    other = FLOW | {
        "facts": {"amount": {"kind": "flag"}},
        "steps": [{"name": "a", "when": {"amount": True}, "then": "review"}],
    }
    assert again(flow_of(other), a_decision(1)).decision == "approve"
