"""The targeting index at 100,000 line items: select, compile, memory, and one changed line item.

Line items and requests are those of `rig/targeting_world.py`, in its two worlds. A select is timed within compiled
code, each request the quickest of some rounds between which all others are asked; a compile is the quickest of some,
and in processor time where the machine is shared (wall time is printed too). The update is a worker's: from the bytes
of a snapshot in which one line item is otherwise to a view that bids on it. ``--line-items 1000000`` measures a
million. The last line is the worse of the two worlds as JSON.
"""

import argparse
import gc
import json
import random
import time

import msgspec
from msgspec.structs import replace
from rig import targeting_world

from bidder.leases import Leases
from bidder.state import State
from domain.campaign import Advertiser, Campaign, LineItem, Rate, Snapshot
from domain.creative import Creative
from domain.exchange import Exchange
from targeting.expression import published
from targeting.index import UNMEASURED, TargetingIndex

REQUESTS, ROUNDS, COMPILES = 2_000, 7, 2


def snapshot_of(line_items: tuple[LineItem, ...]) -> Snapshot:
    creative = Creative(1, "ad", 1, 300, 250, "https://a.example/", "https://cdn.example/1.png")
    return Snapshot(
        1, 0, (Exchange(1, "usx", "USD", {"banner": "burl"}),), (Rate(1, "EUR", "USD", "2026-01-01", 1_100_000_000),),
        (Advertiser(1, "a", "A", "USD", "UTC", "a.example", ("IAB13",)),), (Campaign(1, "c", 1, "C", 0, 2**62),),
        line_items, (creative,), (), (),
    )  # fmt: skip


def seconds(begun: float) -> float:
    return round(time.perf_counter() - begun, 3)


def measure(world: str, count: int) -> dict[str, float]:
    line_items = tuple(targeting_world.line_items(world, count))
    gc.collect()
    gc.freeze()
    compiles, walls = [], []
    for _ in range(COMPILES):
        begun, wall = time.process_time(), time.perf_counter()
        index = TargetingIndex(line_items)
        compiles.append(time.process_time() - begun)
        walls.append(seconds(wall))
    draw = random.Random(5)
    requests = [targeting_world.facts(targeting_world.request(draw, world)) for _ in range(REQUESTS)]
    timed = index.matcher.timed(requests, UNMEASURED, ROUNDS)
    taken = sorted(nanoseconds / 1000 for nanoseconds, _, _ in timed)
    matched = sorted(matches for _, matches, _ in timed)
    looked_at = sorted(blocks for _, _, blocks in timed)
    size_mb = round(index.matcher.size_bytes() / 1e6, 1)
    n_items, n_blocks = index.matcher.sets.n_items, index.matcher.sets.n_blocks
    del index
    state, snapshot = State(Leases(), "https://t.example"), snapshot_of(line_items)
    state.swap(state.compile(msgspec.msgpack.encode(snapshot)))
    updates = []
    for n in range(5):
        items = list(snapshot.line_items)
        items[n * 7] = replace(items[n * 7], targeting=published({"os": ["ios"], "country": [f"c{n}"]}))
        snapshot = replace(snapshot, version=2 + n, line_items=tuple(items))
        data = msgspec.msgpack.encode(snapshot)
        begun = time.perf_counter()
        state.swap(state.compile(data))
        updates.append(time.perf_counter() - begun)
        assert state.view is not None and state.view.places[items[n * 7].id] >= count
    found = {
        "select_p50_us": round(taken[REQUESTS // 2], 1),
        "select_p99_us": round(taken[REQUESTS * 99 // 100], 1),
        "compile_s": round(min(compiles), 2),
        "index_mb": size_mb,
        "update_s": round(min(updates), 3),
    }
    print(
        f"{world}: {count} line items as {n_items} items; {matched[REQUESTS // 2]} match at the "
        f"median, {matched[-1]} at most; {looked_at[REQUESTS // 2]} of {n_blocks} blocks looked at; "
        f"compile {min(walls)} s by the clock; {found}"
    )
    gc.unfreeze()
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--line-items", type=int, default=100_000)
    count = options.parse_args().line_items
    both = [measure(world, count) for world in targeting_world.WORLDS]
    worse = {name: max(each[name] for each in both) for name in both[0]}
    print(json.dumps({"bench": "targeting", "line_items": count, **worse}))


if __name__ == "__main__":
    main()
