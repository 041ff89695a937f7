"""Models come into service and go while a worker decides: what it says is what they say, and none can stop it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logit

from bidder import model_watch
from bidder.explain import explain
from bidder.metrics import Worker
from bidder.model_watch import ModelWatch
from bidder.readiness import readiness
from domain.events import Bid
from prediction import corrections
from prediction.artefact import load
from prediction.calibration import Calibration, calibrate
from prediction.corrections import Corrections
from prediction.curve import SAME
from prediction.registry import Registry
from prediction.scorer import Scorer
from tests.feature_world import World
from tests.small_models import damage, keep, learnt, moved, other_features, scattered

MODEL = scattered(learnt(), 1)
OTHER = moved(MODEL, -0.7)


def test_bids_say_what_the_models_say_of_their_rows(tmp_path: Path) -> None:
    """All impressions and both kinds of campaigns, in one call each; scored by itself each row says the same bits."""
    registry, world = Registry(tmp_path), World(seed=3)
    models = world.table.auction.models
    watch = ModelWatch(tmp_path, models)
    versions = {target: keep(registry, target, model) for target, model in (("ctr", MODEL), ("cvr", OTHER))}
    shadow = keep(registry, "ctr", moved(MODEL, 0.3))
    registry.promote("ctr", versions["ctr"])
    registry.promote("cvr", versions["cvr"])
    registry.shadow("ctr", shadow)
    asyncio.run(watch.look())
    assert (models.ctr_version, models.cvr_version, models.shadow_version) == (1, 1, shadow) and watch.swapped == 3
    bids = [bid for bid, _ in world.bids(400)]
    values = np.array([np.frombuffer(bid.features, "<u4") for bid in bids])
    by = {name: load(registry.path(*of)) for name, of in
          (("ctr", ("ctr", 1)), ("cvr", ("cvr", 1)), ("shadow", ("ctr", shadow)))}  # fmt: skip
    assert [bid.ctr for bid in bids] == by["ctr"].scores(values).tolist()
    assert [bid.shadow_ctr for bid in bids] == by["shadow"].scores(values).tolist()
    expected = by["cvr"].scores(values).tolist()
    assert [bid.cvr for bid in bids] == [
        0.0 if bid.line_item % 2 else one for bid, one in zip(bids, expected, strict=True)
    ]
    assert {(bid.model, bid.shadow_model) for bid in bids} == {(1, shadow)} and len({bid.ctr for bid in bids}) > 50


def test_a_live_model_is_moved_by_what_was_seen_since(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    registry, world = Registry(tmp_path), World(seed=3)
    model = calibrate(MODEL, Calibration("none", SAME, (), {}), {})
    registry.promote("ctr", keep(registry, "ctr", model))
    watch = ModelWatch(tmp_path, world.table.auction.models)

    def said() -> float:
        asyncio.run(watch.look())
        bid = world.bids(1)[0][0]
        return float(logit(bid.ctr) - logit(model.scores(np.frombuffer(bid.features, "<u4")[None])[0]))

    assert said() == 0
    for version, shift, heard in ((1, 0.5, 0.5), (1, -0.25, -0.25), (2, 0.5, 0.0)):
        corrections.write(tmp_path / "models" / "ctr", Corrections(version, 1, [], [], shift))
        assert said() == pytest.approx(heard, abs=1e-9)
    (tmp_path / "models" / "ctr" / corrections.FILE).write_text("{")
    assert said() == 0 and "goes on as it was trained" in caplog.text
    assert (watch.swapped, watch.trouble) == (1, {})


def test_what_cannot_be_used_changes_nothing_and_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(model_watch, "AGAIN_S", 0.0)
    registry, models = Registry(tmp_path), World(seed=1).table.auction.models
    watch = ModelWatch(tmp_path, models)

    def look() -> tuple[int, str]:
        asyncio.run(watch.look())
        return models.ctr_version, "; ".join(watch.trouble.values())

    assert look() == (0, "")
    good = keep(registry, "ctr", MODEL)
    registry.promote("ctr", good)
    assert look() == (good, "")
    damage(registry.path("ctr", damaged := keep(registry, "ctr", OTHER)))
    registry.promote("ctr", damaged)
    version, why = look()
    assert version == good and models.ctr is not None and f"ctr {damaged}: " in why and "arrays.bin" in why
    look()
    assert watch.refused == 1 and len([one for one in caplog.records if "cannot be used" in one.message]) == 1
    registry.promote("ctr", keep(registry, "ctr", OTHER, features=other_features()))
    version, why = look()
    assert version == good and "feature_set: bid 2 is not allowed; bid 1" in why
    registry.promote("ctr", gone := keep(registry, "ctr", OTHER))
    (registry.path("ctr", gone) / "model.json").unlink()
    assert look()[0] == good and "model.json" in look()[1]
    registry.pointers_file.write_text("{")
    assert look()[0] == good and "live.json" in look()[1]
    registry.pointers_file.unlink()
    assert look() == (0, "")  # nothing is wanted
    registry.promote("ctr", good)
    assert look() == (good, "") and registry.rollback("ctr") == 0 and look() == (0, "")


def test_one_that_was_damaged_is_used_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_watch, "AGAIN_S", 0.0)
    registry, models = Registry(tmp_path), World(seed=1).table.auction.models
    watch = ModelWatch(tmp_path, models)
    registry.promote("ctr", version := keep(registry, "ctr", MODEL))
    path = registry.path("ctr", version) / "arrays.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    asyncio.run(watch.look())
    assert models.ctr_version == 0 and watch.trouble
    path.write_bytes(whole)
    asyncio.run(watch.look())
    assert models.ctr_version == version and not watch.trouble


async def test_no_request_is_dropped_while_models_come_and_go(
    bid_port: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged one among them; a change is seen by the requests behind it within a second."""
    monkeypatch.setattr(model_watch, "LOOK_S", 0.01)
    registry, world = Registry(tmp_path), World(seed=5)
    versions = [keep(registry, "ctr", MODEL), keep(registry, "ctr", OTHER), keep(registry, "ctr", MODEL)]
    damage(registry.path("ctr", versions[2]))
    async with bid_port(world.table) as port:  # type: ignore[attr-defined]
        watch = ModelWatch(tmp_path, world.table.auction.models)
        port.service.worker = Worker(watch=watch)
        watching = asyncio.create_task(watch.run())
        answered, stop = [0], asyncio.Event()

        async def post() -> None:
            reader, writer = await port.open()
            number = 0
            while not stop.is_set():
                number += 1
                body = json.dumps(world.request(number)).encode()
                head = f"POST /openrtb2/usx HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                line = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).split(b"\r\n")
                assert line[0].split()[1] in (b"200", b"204"), line
                size = next((int(one.split()[1]) for one in line if one.lower().startswith(b"content-length")), 0)
                await reader.readexactly(size)
                answered[0] += 1
            writer.close()

        posting = [asyncio.create_task(post()) for _ in range(4)]
        for turn in range(9):
            registry.promote("ctr", versions[turn % 3])
            wanted = versions[turn % 3] if turn % 3 < 2 else versions[1]
            for _ in range(500):
                done = world.table.auction.models.ctr_version == wanted and bool(watch.trouble) == (turn % 3 == 2)
                if done:
                    break
                await asyncio.sleep(0.01)
            assert done, (turn, watch.trouble)
            assert ("models" in readiness(port.service).degraded) == (turn % 3 == 2)
            told = port.service.metrics()
            assert (
                f'outbid_bidder_model_version{{role="ctr",worker="0"}} {wanted}' in told
                or f'model_version{{worker="0",role="ctr"}} {wanted}' in told
            )
        stop.set()
        await asyncio.gather(*posting)
        watching.cancel()
        assert port.service.failures == 0 and answered[0] > 20
    bids = [event for event in world.table.events() if isinstance(event, Bid)]
    assert {bid.model for bid in bids} <= {0, *versions[:2]} and len({bid.model for bid in bids}) > 1
    for version, model in zip(versions[:2], (MODEL, OTHER), strict=True):
        mine = [bid for bid in bids if bid.model == version]
        values = np.array([np.frombuffer(bid.features, "<u4") for bid in mine]).reshape(-1, 39)
        assert [bid.ctr for bid in mine] == model.scores(values).tolist()


def test_explain_tells_what_was_predicted(tmp_path: Path) -> None:
    world = World(seed=6)
    auction, seller = world.table.auction, world.table.view.sellers["usx"]
    auction.models.put("ctr", MODEL, 4)
    explained = []
    for number in range(40):
        body = json.dumps(world.request(number)).encode()
        world.table.log.clear()
        told = explain(auction, body, seller, world.table.view)
        logged = [event for event in world.table.events() if isinstance(event, Bid)]
        assert [one["prediction"]["ctr"] for one in told.bids] == [bid.ctr for bid in logged]  # type: ignore[index]
        explained += [one["prediction"] for one in told.bids]
    assert explained and {one["ctr_model"] for one in explained} == {4}  # type: ignore[index]
    assert any("none" in str(one.get("cvr_model")) for one in explained)  # type: ignore[attr-defined]


def test_a_model_of_another_width_is_refused() -> None:
    models = World(seed=1).table.auction.models
    with pytest.raises(ValueError, match="takes 3 \\+ 4 features"):
        models.put("ctr", Scorer(3, 4), 1)
    with pytest.raises(ValueError, match="'price'"):
        models.put("price", MODEL, 1)
