"""The graph of a directory: one process adds, others see it, and nothing that was told is lost or comes back."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from domain.errors import Unavailable
from eventlog.segments import segments
from risk.graph import LOG, SNAPSHOT, Edge, Graph, LogBusy
from risk.graph_batches import fold, forget, left, load
from risk.graph_features import GraphFeatures
from risk.graph_kinds import ACCOUNT, DEVICE, IP
from risk.graph_records import EDGE, LABEL
from risk.graph_upkeep import keep
from targeting.forgotten import Forgotten
from tests.graph_twin import GraphTwin

ANA, BEN, EVE = 101, 102, 103
OFFICE, PHONE = 201, 202


def seen(device: int, address: int) -> Edge:
    return Edge(device, address, DEVICE, IP)


def await_news(graph: Graph) -> None:
    """What was added is on its way to the disk, where others see it, for some milliseconds."""
    waited = time.monotonic() + 20
    while not graph.refresh():
        assert time.monotonic() < waited
        time.sleep(0.005)


def test_what_an_address_joins_and_what_fraud_is_near() -> None:
    graph = Graph()
    assert graph.add([seen(ANA, OFFICE), seen(BEN, OFFICE), seen(ANA, OFFICE)]) == 2
    assert graph.features(EVE) == GraphFeatures()
    graph.label(EVE, True, DEVICE)
    assert graph.add([Edge(EVE, PHONE, DEVICE, ACCOUNT), Edge(BEN, PHONE, DEVICE, ACCOUNT)]) == 2
    ana = graph.features(ANA)
    assert (ana.component_size, ana.ip_degree, ana.shared_ip, ana.distance_to_fraud) == (5, 1, 1, 4)
    assert graph.features(BEN).shared_device == 0
    assert graph.features(OFFICE).device_degree == 2
    assert 0 < ana.label_score < graph.features(BEN).label_score < 0.85
    graph.label(EVE, False)
    assert graph.features(ANA).distance_to_fraud == -1
    assert graph.features(ANA).label_score == pytest.approx(0, abs=0.002)
    assert (graph.features(EVE).fraud, graph.features(BEN).fraud) == (False, None)


@pytest.mark.parametrize(
    ("edge", "wrong"),
    [
        (Edge(0, 5), r"edges\[1\]: keys 0 and 5"),
        (Edge(1 << 64, 5), "64 bits"),
        (Edge(5, 5), "key 5 to itself"),
        (Edge(5, 6, 9), "kinds 9 and 0"),
    ],
)
def test_a_bad_edge_is_named_and_none_is_added(edge: Edge, wrong: str) -> None:
    graph = Graph()
    with pytest.raises(ValueError, match=wrong):
        graph.add([Edge(1, 2), edge])
    assert len(graph) == 0


def test_who_reads_sees_what_the_owner_adds_and_what_batches_do(tmp_path: Path) -> None:
    with Graph.open(tmp_path, owner=True) as owner, Graph.open(tmp_path) as reader:
        with pytest.raises(LogBusy):
            Graph.open(tmp_path, owner=True)
        with pytest.raises(Unavailable, match="not owned"):
            reader.add([seen(ANA, OFFICE)])
        owner.add([seen(ANA, OFFICE)])
        owner.label(OFFICE, True)
        await_news(reader)
        assert reader.features(ANA) == owner.features(ANA)
        assert reader.features(ANA).distance_to_fraud == 1
        assert not reader.refresh()
        load(tmp_path, np.array([(BEN, OFFICE, DEVICE, IP)], EDGE), np.array([(BEN, DEVICE, -1)], LABEL))
        for graph in (owner, reader):
            await_news(graph)
            assert graph.features(OFFICE).device_degree == 2
            assert graph.features(BEN).fraud is False
        assert owner.add([seen(BEN, OFFICE), seen(EVE, OFFICE)]) == 1
    with Graph.open(tmp_path, owner=True) as again:
        assert again.features(OFFICE).component_size == 4


def test_folding_keeps_everything_and_removes_the_log_behind_it(tmp_path: Path) -> None:
    twin = GraphTwin()
    for turn in range(3):
        with Graph.open(tmp_path, owner=True) as owner:
            for at in range(20):
                one, other = 1 + (7 * at + 11 * turn) % 30, 101 + (at * at + turn) % 13
                twin.join(one, DEVICE, other, IP)
                owner.add([seen(one, other)])
            twin.label(turn + 1, True, DEVICE)
            owner.label(turn + 1, True, DEVICE)
        if turn == 1:
            fold(tmp_path)
    assert len(segments(tmp_path / LOG)) == 2
    with Graph.open(tmp_path) as graph:
        for key, wanted in twin.features().items():
            found = graph.features(key)
            assert found.label_score == pytest.approx(wanted.label_score, abs=0.002)
            assert (found.component_size, found.shared_ip, found.distance_to_fraud) == (
                wanted.component_size, wanted.shared_ip, wanted.distance_to_fraud
            )  # fmt: skip


def test_a_forgotten_person_is_nowhere_and_does_not_come_back(tmp_path: Path) -> None:
    directory, forgotten = tmp_path / "graph", Forgotten(tmp_path)
    load(directory, np.array([(ANA, OFFICE, DEVICE, IP), (BEN, OFFICE, DEVICE, IP)], EDGE), np.empty(0, LABEL))
    with Graph.open(directory, owner=True, forgotten=Forgotten(tmp_path)) as owner:
        owner.add([seen(BEN, PHONE), seen(ANA, PHONE)])
        owner.label(BEN, True)
    with Graph.open(directory, owner=True, forgotten=Forgotten(tmp_path)) as owner:
        assert left(directory, [BEN]) == 3
        forgotten.add([BEN], 1)
        assert forget(directory, [BEN]) == 1
        assert left(directory, [BEN]) == 0
        await_news(owner)
        assert owner.features(BEN) == GraphFeatures()
        assert owner.features(ANA).distance_to_fraud == -1
        assert owner.features(OFFICE).device_degree == 1
        assert owner.add([seen(BEN, OFFICE), seen(EVE, OFFICE)]) == 1
        owner.label(BEN, True)
        assert owner.features(BEN) == GraphFeatures()
    load(directory, np.array([(BEN, OFFICE, DEVICE, IP)], EDGE), np.array([(BEN, DEVICE, 1)], LABEL), forgotten)
    files = b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())
    assert BEN.to_bytes(8, "little") not in files
    assert EVE.to_bytes(8, "little") in files


def test_forgetting_counts_nodes_that_only_the_log_has(tmp_path: Path) -> None:
    load(tmp_path, np.array([(ANA, OFFICE, DEVICE, IP)], EDGE), np.empty(0, LABEL))
    with Graph.open(tmp_path, owner=True) as owner:
        owner.add([seen(BEN, PHONE)])
        owner.label(EVE, True)
    assert forget(tmp_path, [ANA, BEN, EVE, 99]) == 3 and left(tmp_path, [ANA, BEN, EVE]) == 0


ADDS_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from risk.graph import Edge, Graph

async def main():
    graph = Graph.open(Path(sys.argv[1]), owner=True)
    for at in range(1, 1 << 40):
        graph.add([Edge(at, at + 1, 2, 1)])
        await graph.durable()
        print(at, flush=True)

asyncio.run(main())
"""


def test_a_killed_owner_loses_nothing_that_was_durable(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ADDS_FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        told = [int(owner.stdout.readline()) for _ in range(30)]
        fold(tmp_path)
        told += [int(owner.stdout.readline()) for _ in range(30)]
        os.kill(owner.pid, signal.SIGKILL)
        told += [int(line) for line in owner.stdout.read().splitlines()]
    with Graph.open(tmp_path, owner=True) as graph:
        assert graph.features(1).component_size >= told[-1] + 1
        assert graph.edges == len(graph) - 1


def test_files_that_are_something_else_are_refused_with_words(tmp_path: Path) -> None:
    load(tmp_path, np.array([(ANA, OFFICE, DEVICE, IP)], EDGE), np.empty(0, LABEL))
    whole = (tmp_path / SNAPSHOT).read_bytes()
    for broken, wrong in ((whole[:-4096], "cut short"), (b"x" + whole[1:], "no snapshot"), (b"", "no snapshot")):
        (tmp_path / SNAPSHOT).write_bytes(broken)
        with pytest.raises(Unavailable, match=wrong):
            Graph.open(tmp_path)
    (tmp_path / SNAPSHOT).unlink()
    with Graph.open(tmp_path, owner=True) as owner:
        owner.add([seen(ANA, OFFICE)])
    fold(tmp_path)
    for path in (tmp_path / LOG).iterdir():
        path.unlink()
    with pytest.raises(Unavailable, match="ends before the snapshot"):
        Graph.open(tmp_path)


async def test_the_owner_folds_its_log_when_that_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("risk.graph.LEAST_SINCE", 10)
    monkeypatch.setattr("risk.graph_upkeep.EVERY_S", 0.01)
    with Graph.open(tmp_path, owner=True) as owner:
        owner.add([seen(device, OFFICE) for device in range(1, 30)])
        keeping = asyncio.create_task(keep(owner))
        for _ in range(2_000):
            if not owner.due:
                break
            await asyncio.sleep(0.01)
        keeping.cancel()
        assert (tmp_path / SNAPSHOT).exists()
        assert owner.features(OFFICE).device_degree == 29
