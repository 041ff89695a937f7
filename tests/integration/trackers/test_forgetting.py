"""``outbid people forget`` on a deployment at work: the person is nowhere any more, and all else is as it was."""

import argparse
import asyncio
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bidder import request_sample_files as sample_files
from bidder.request_sample_files import Kept, Tally
from domain.events import Bid, Kind, Notice, decode, encode
from domain.naming import person_key
from domain.settings import Places
from eventlog.reader import LogReader
from eventlog.writer import LogWriter
from reporting.store_lock import StoreLock
from targeting.holds import Holds
from targeting.households import device_key
from targeting.opt_outs import opt_out
from targeting.profiles import ProfileStore
from tests.integration.reporting.test_people import BID
from tests.integration.trackers.conftest import Deployment

ROOT = Path(__file__).parents[3]
ANN, HER_IFA, BEN = person_key("buyeruid", "ann", "usx"), person_key("ifa", "A-1"), person_key("buyeruid", "ben", "usx")
HER_DEVICE = 4_242_424_242


class Outbid:
    """Commands and a reporter, each a process of its own, on the deployment's data directory."""

    def __init__(self, place: Places) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.environment = os.environ | {
            "OUTBID_OUTBID_DATA_DIR": place.data_dir,
            "OUTBID_OUTBID_HOLDS": str(place.holds),
            "OUTBID_OUTBID_REPORTER_PORT": str(port),
            "OUTBID_OUTBID_CONTROL_URL": place.control_url,
            "OUTBID_REPORTING_PAUSE_S": "0.05",
        }

    async def run(self, *words: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli.main", *words, env=self.environment, cwd=ROOT,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    async def report(self) -> asyncio.subprocess.Process:
        command = (sys.executable, "-c", "from reporting.reporter import run; run()")
        return await asyncio.create_subprocess_exec(*command, env=self.environment, cwd=ROOT)


def records(place: Places) -> dict[str, list[Any]]:
    """All events, by log."""
    found = {}
    for log in ("bids/0", "money/0"):
        reader, found[log] = LogReader(place.data / "log" / log), []
        while read := reader.read()[0]:
            found[log] += [decode(record) for record in read]
    return found


def unnamed(event: Any, persons: tuple[int, ...]) -> Any:
    if getattr(event, "person", 0) not in persons:
        return event
    return replace(event, **{name: 0 for name in ("person", "device", "household") if hasattr(event, name)})


def in_files(data: Path, *keys: int) -> list[str]:
    """Files that have a key in any form, the tombstones' own included."""
    forms = [f(key) for key in keys for f in (
        lambda k: k.to_bytes(8, "big"), lambda k: k.to_bytes(8, "little"), lambda k: str(k).encode(),
        lambda k: f"{k:x}".encode(),
    )]  # fmt: skip
    files = [path for path in data.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(form in path.read_bytes() for form in forms)]


IMP = [{"id": "1", "banner": {"w": 300, "h": 250}}]


def keep_requests(folder: Path) -> None:
    """Of three bid requests one is hers, one names her and one is his."""
    now_ns = time.time_ns()
    bodies = {
        "hers": (HER_IFA, {"device": {"ifa": "a-1"}}),
        "named": (0, {"user": {"buyeruid": "ann", "id": "7"}}),
        "his": (BEN, {"user": {"buyeruid": "ben"}}),
    }
    records = [
        sample_files.encode(Kept(now_ns, 1, 1, person, True, json.dumps({"id": id, "imp": IMP, **body}).encode()))
        for id, (person, body) in bodies.items()
    ]
    path = folder / "0" / f"{now_ns // sample_files.HOUR_NS}-1.sample"
    path.parent.mkdir(parents=True)
    path.write_bytes(sample_files.framed([*records, sample_files.encode(Tally(now_ns, 3, 0))]))


async def told(tracker: Deployment, person: int, device: int = 0) -> str:
    """All that can be heard of a bid; returns the click id that the person then has."""
    token = tracker.token(person=person, device=device, household=99 if device else 0)
    for kind in (Kind.WIN, Kind.BILLING, Kind.IMPRESSION):
        status, _, _ = await tracker.get(tracker.path(token, kind, "p=1.5&c=USD"))
        assert status in (200, 204)
    _, _, headers = await tracker.get(tracker.click(token))
    return headers["Location"].partition("obclid=")[2].partition("#")[0]


async def converted(tracker: Deployment, click_id: str, order: str) -> None:
    assert (await tracker.get(f"/conversion?advertiser=acme&event=lead&order={order}&obclid={click_id}"))[0] == 200


async def lag(outbid: Outbid, tracker: Deployment) -> Any:
    try:
        async with tracker.session.get(f"{outbid.base}/v1/lag") as answer:
            return (await answer.json())["sources"]
    except OSError:
        return {}


async def test_a_person_is_forgotten_while_all_goes_on(deployment: Deployment) -> None:
    place, outbid = deployment.place, Outbid(deployment.place)
    with ProfileStore(place.data / "profiles.lmdb") as store:
        store.join(7, [ANN, BEN, *range(1_000, 3_000)])
        store.join(8, [ANN])
        store.identity.join(ANN, HER_IFA, "login", 1.0, 1_700_000_000)
    bids = LogWriter(place.data / "log/bids/0")
    for n in range(300):
        last = bids.append(encode(replace(BID, bid=n, person=(ANN, BEN, HER_IFA)[n % 3])))
    keep_requests(place.data / "requests")
    holds = Holds(place.data, place.holds)
    assert holds.hold(ANN, 1, 2, 3, 4, 9, 600) and holds.hold(BEN, 1, 2, 3, 4, 10, 600)
    await deployment.start()
    reporting = await outbid.report()
    try:
        hers, his = await told(deployment, ANN, HER_DEVICE), await told(deployment, BEN)
        await converted(deployment, hers, "1")
        while bids.published < last or b'"behind": 0' not in (await deployment.get("/health"))[1]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        wanted = ("bids/0", "money/0")
        while [n for name, n in (await lag(outbid, deployment)).items() if name.endswith(wanted)] != [0, 0]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

        assert (await outbid.run("attribution", "run"))[0] == 0
        status, said = await outbid.run("people", "show", "buyeruid:usx:ann")
        shown = json.loads(said)
        assert status == 0 and set(shown["keys"]) == {f"key:{ANN:016x}", f"key:{HER_IFA:016x}"}
        assert [join["source"] for join in shown["joins"]] == ["login"] and not shown["opted_out"]
        assert [each["id"] for each in shown["record"]["audiences"]] == [7, 8]
        assert shown["record"]["impressions"] and shown["devices"] and len(shown["bids_in_flight"]) == 1
        assert len(shown["events"]["log/bids/0"]) == 200 and len(shown["events"]["log/money/0"]) == 5
        assert {name: len(rows) for name, rows in shown["analytics"].items()} == {
            "bids": 200, "wins": 1, "billings": 1, "impressions": 1, "clicks": 1, "conversions": 1,
            "attributions": 1,
        }  # fmt: skip
        assert [kept["request"]["id"] for kept in shown["requests"]] == ["hers", "named"]
        assert shown["events"]["log/money/0"][0]["advertiser"] == {"id": 10, "key": "acme", "name": "Acme"}

        before, end = records(place), LogReader(place.data / "log/money/0")
        while end.read()[0]:
            pass
        status, said = await outbid.run("people", "forget", "buyeruid:usx:ann")
        assert status == 0 and said.endswith("nothing is left\n"), said
        assert not in_files(place.data, ANN, HER_IFA, device_key(HER_DEVICE))
        after = records(place)
        assert after == {log: [unnamed(event, (ANN, HER_IFA)) for event in events] for log, events in before.items()}
        assert [event for events in after.values() for event in events if event.person == BEN]
        (left,) = sample_files.read(place.data / "requests", time.time_ns())
        assert [json.loads(kept.body)["id"] for kept in left.kept] == ["his"]
        assert not holds.held(ANN) and len(holds.held(BEN)) == 1

        # What comes late, or again, does not bring her back; money and conversions are kept.
        assert await told(deployment, ANN, HER_DEVICE) and await told(deployment, BEN)
        await converted(deployment, hers, "2")
        await converted(deployment, his, "3")
        late = [decode(record) for record in end.read()[0]]
        assert [event.person for event in late] == [0] * 4 + [BEN] * 4 + [0, BEN]
        assert [event.price for event in late if isinstance(event, Notice)][1] == 1_500_000 and late[8].bid
        status, said = await outbid.run("people", "show", "ifa:a-1")
        shown = json.loads(said)
        assert shown["forgotten"] and shown["record"] is None and not shown["joins"] and not shown["listed_in"]
        assert shown["events"] == shown["analytics"] == shown["devices"] == {}
    finally:
        reporting.terminate()
        await reporting.wait()
        await deployment.stop()
        bids.close()
        holds.close()

    (place.data / "profiles.lmdb/data.mdb").unlink()  # all is rebuilt from the logs
    await deployment.start()
    await deployment.stop()
    with ProfileStore(place.data / "profiles.lmdb") as store:
        assert store.get_many([ANN, HER_IFA]) == [None, None] and store.get_many([BEN]) != [None]
        assert store.join(7, [ANN, BEN]) == 1 and store.get_many([ANN]) == [None]
        assert store.members(7) == [BEN]
    assert await outbid.run("people", "remember", "buyeruid:usx:ann") == (0, "1 tombstones ended\n")
    with ProfileStore(place.data / "profiles.lmdb") as store:
        assert store.join(7, [ANN]) == 1 and store.get_many([ANN]) != [None]


@pytest.mark.parametrize("instant", ["_forget_records", "rewrite", "_blank_rows", "scrub", "_what_is_left"])
def test_interrupted_and_run_again_it_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instant: str
) -> None:
    from cli import forgetting

    place = Places(data_dir=str(tmp_path), holds=500, reporter_port=1)
    log = LogWriter(tmp_path / "log/money/0")
    notice = msgspec.msgpack.decode(encode(BID), type=Bid)
    for n in range(50):
        log.append(encode(replace(notice, person=(ANN, BEN, HER_IFA)[n % 3], bid=n)))
    log.close()
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        store.join(3, [ANN, BEN, HER_IFA])
        store.identity.join(ANN, HER_IFA, "sync", 1.0, 1_700_000_000)
        opt_out(store, tmp_path, [ANN, HER_IFA, 5])
        ben = store.get_many([BEN])
    monkeypatch.setattr(forgetting, "SETTLE_S", 0)
    done = getattr(forgetting, instant)

    def interrupted(*arguments: Any, **options: Any) -> None:
        done(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(forgetting, instant, interrupted)
        forgetting.forget(place, ANN, print)
    assert forgetting.forget(place, ANN, print), "the join is gone, perhaps, and both keys are still known"
    assert not in_files(tmp_path, ANN, HER_IFA)
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        assert store.get_many([BEN, ANN, HER_IFA]) == [*ben, None, None] and store.members(3) == [BEN]


def test_what_is_left_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that nobody knows of has her key: the command finds it, and does not say that nothing is left."""
    from cli import forgetting

    said: list[str] = []
    monkeypatch.setattr(forgetting, "SETTLE_S", 0)
    place = Places(data_dir=str(tmp_path), holds=500, reporter_port=1)
    (tmp_path / "notes.txt").write_text(f"ann is {ANN:016x}")
    assert not forgetting.forget(place, ANN, said.append)
    assert "notes.txt" in said[-1] and (tmp_path / "forgetting").exists()
    (tmp_path / "notes.txt").unlink()
    assert forgetting.forget(place, ANN, said.append) and said[-1] == "nothing is left"
    assert not in_files(tmp_path, ANN)


def test_a_replay_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has read the logs as they were: what it puts into the store would name her again."""
    from cli import forgetting

    monkeypatch.setattr(forgetting, "SETTLE_S", 0)
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    place = Places(data_dir=str(tmp_path), holds=500, reporter_port=1)
    (tmp_path / "chdb").mkdir()
    replay, said = StoreLock(tmp_path, "chdb"), list[str]()
    assert replay.take() and not forgetting.forget(place, ANN, said.append)
    assert "a replay is at work" in said[-1] and (tmp_path / "forgetting").exists()
    replay.release()
    assert forgetting.forget(place, ANN, said.append) and said[-1] == "nothing is left"


def test_who_is_remembered_is_not_forgotten_again_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that left something is completed by the next one: without those who were remembered meanwhile."""
    from cli import forgetting, people

    monkeypatch.setattr(forgetting, "SETTLE_S", 0)
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    place = Places(data_dir=str(tmp_path), holds=500, reporter_port=1)
    (tmp_path / "notes.txt").write_text(f"{ANN:016x} {HER_IFA:016x}")
    for key in (ANN, HER_IFA):
        assert not forgetting.forget(place, key, lambda said: None)
    assert people.run_remember(argparse.Namespace(person=f"key:{ANN:016x}")) == 0
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        store.join(3, [ANN, BEN])
        her = store.get_many([ANN])
    assert not forgetting.forget(place, BEN, lambda said: None), "the other key is still looked for, and found"
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        assert store.get_many([ANN, BEN]) == [*her, None] and her != [None]
    for key in (HER_IFA, BEN):
        assert (tmp_path / "forgetting").exists()
        assert people.run_remember(argparse.Namespace(person=f"key:{key:016x}")) == 0
    assert not (tmp_path / "forgetting").exists(), "there is nobody in it any more"
