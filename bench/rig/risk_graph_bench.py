"""How long ten million edges take from a file to a graph that can be asked, and what asking and adding take then.

The world: half as many devices as edges; three in five edges say at which address a device was seen, of which some have
very many (the number of an address is the cube of a uniform draw), the others which accounts it had and which phones
these. Nearly everything hangs together. Every 500th line is a label, fraud three times in ten.

Features are timed node by node: of nodes picked at random, and of the nodes with the most neighbours. A new edge is
timed from `Graph.add` in one process to the reader in another that sees it, with the owner's snapshot of all the
others below it.
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from risk.graph import Edge, Graph
from risk.graph_batches import load
from risk.graph_files import read_file
from risk.graph_kinds import DEVICE, IP

SAMPLES = 20_000
NEW_EDGES = 40
READER = """
import sys, time
from pathlib import Path
from risk.graph import Graph
from risk.graph_upkeep import EVERY_S
graph = Graph.open(Path(sys.argv[1]))
print("open", flush=True)
for line in sys.stdin:
    while not graph.features(int(line)).degree:
        time.sleep(EVERY_S)
        graph.refresh()
    print(time.monotonic(), flush=True)
"""
"""As `risk.graph_upkeep.keep` does it: it looks every quarter of a second."""


def graph_figures(folder: Path, edges: int = 10_000_000) -> dict[str, float]:
    """``graph_load_s``: reading the file, making the snapshot, on disk, opened. ``node_features_us``: the 99th
    percentile over random nodes; ``hub_features_us``: the slowest of the largest hubs, each the best of five. The
    rest is seconds, µs and megabytes.
    """
    file, directory = folder / "edges.csv", folder / "graph"
    _write(file, edges)
    began, cpu = time.perf_counter(), time.process_time()
    content = read_file(file)
    read_s = time.perf_counter() - began
    keys = np.unique(np.concatenate([content.edges["first"], content.edges["second"]]))
    asked = np.random.default_rng(3).choice(keys, min(SAMPLES, len(keys)), replace=False).tolist()
    skipped, skipped_cpu = time.perf_counter(), time.process_time()
    load(directory, content.edges, content.labels)
    lines = content.lines
    del content, keys
    opening = time.perf_counter()
    with Graph.open(directory, owner=True) as graph:
        opened = time.perf_counter()
        random_us = [_best_us(graph, key, 1) for key in asked]
        warm_us = [_best_us(graph, key, 3) for key in asked[:2_000]]
        node_keys, _, degrees, _ = graph.columns()
        hubs = node_keys[np.argsort(-degrees)[:200]].tolist()
        hub_us = [_best_us(graph, key, 5) for key in hubs]
        adding = _adding_us(graph, asked)
        visible = _visible_s(graph, directory, hubs)
        size = (directory / "snapshot").stat().st_size
        return {
            "graph_load_s": round(read_s + opened - skipped, 2),
            "graph_read_s": round(read_s, 2),
            "graph_load_cpu_s": round(time.process_time() - cpu - (time.process_time() - skipped_cpu), 2),
            "graph_open_s": round(opened - opening, 4),
            "node_features_us": round(float(np.percentile(random_us, 99)), 1),
            "node_features_median_us": round(float(np.median(random_us)), 1),
            "node_features_warm_us": round(float(np.median(warm_us)), 1),
            "hub_features_us": round(max(hub_us), 1),
            "largest_degree": int(degrees.max()),
            "edge_add_us": round(adding, 1),
            "edge_visible_s": round(max(visible), 3),
            "graph_lines": lines,
            "graph_nodes": len(graph),
            "graph_edges": graph.edges,
            "snapshot_mb": size >> 20,
        }


def _write(file: Path, edges: int) -> None:
    draw = random.Random(7)
    devices = max(edges // 2, 1)
    with file.open("w") as out:
        for at in range(edges):
            device = draw.randrange(devices)
            ifa = f"ifa:{device * 0x9E3779B97F4A7C15 & 0xFFFFFFFF:08x}-0000-4000-8000-{device:012x}"
            chance = draw.random()
            if chance < 0.6:
                ip = int(devices / 2 * draw.random() ** 3)
                out.write(f"{ifa},ip:10.{ip >> 16 & 255}.{ip >> 8 & 255}.{ip & 255}\n")
            elif chance < 0.8:
                out.write(f"{ifa},account:{draw.randrange(devices)}\n")
            else:
                out.write(f"account:{device},phone_sha256:{draw.getrandbits(256):064x}\n")
            if at % 500 == 0:
                out.write(f"account:{device},{'fraud' if draw.random() < 0.3 else 'good'}\n")


def _best_us(graph: Graph, key: int, times: int) -> float:
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter_ns()
        graph.features(key)
        best = min(best, time.perf_counter_ns() - began)
    return best / 1_000


def _adding_us(graph: Graph, keys: list[int]) -> float:
    """A new device at a node that is there, one edge a call, logged; the mean."""
    began = time.perf_counter()
    for at, key in enumerate(keys):
        graph.add([Edge((at << 1) + 1, key, DEVICE, IP)])
    return (time.perf_counter() - began) / len(keys) * 1e6


def _visible_s(graph: Graph, directory: Path, hubs: list[int]) -> list[float]:
    """From the call of `Graph.add`, of edges to the largest hubs, to another process that has seen it."""
    command = [sys.executable, "-c", READER, str(directory)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdout.readline()
        found = []
        for at in range(NEW_EDGES):
            key = (at << 1) + (1 << 40)
            reader.stdin.write(f"{key}\n")
            reader.stdin.flush()
            time.sleep(0.1 + 0.013 * at)
            began = time.monotonic()
            graph.add([Edge(key, hubs[at % len(hubs)], DEVICE, IP)])
            found.append(float(reader.stdout.readline()) - began)
        reader.stdin.close()
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as name:
        for figure, value in graph_figures(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000).items():
            print(f"{figure:<24} {value}")
