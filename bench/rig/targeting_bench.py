"""The targeting index at 100,000 line items: select, compile, memory, and one changed line item.

Line items and requests are those of `rig/targeting_world.py`, in its two worlds. A select is timed within compiled
code, each request the quickest of some rounds between which all others are asked; a compile is the quickest of some,
and in processor time where the machine is shared (wall time is printed too). The update is a view's: from a snapshot in
which one line item is otherwise to a view that bids on it. ``--line-items 1000000`` measures a million. The last line
is the worse of the two worlds as JSON.
"""

import argparse
import gc
import json
import random
import time

from msgspec.structs import replace
from rig import targeting_world

from bidder.changes import change_of
from bidder.leases import Leases
from bidder.view import View
from domain.campaign import Advertiser, Campaign, LineItem, Rate, Snapshot
from domain.creative import Creative
from domain.exchange import Exchange
from targeting.expression import published
from targeting.index import UNMEASURED, TargetingIndex

REQUESTS, ROUNDS, COMPILES = 2_000, 7, 2


def view_of(line_items: tuple[LineItem, ...]) -> View:
    creative = Creative(1, "ad", 1, 300, 250, "https://a.example/", "https://cdn.example/1.png")
    snapshot = Snapshot(
        1, 0, (Exchange(1, "usx", "USD", {"banner": "burl"}),), (Rate(1, "EUR", "USD", "2026-01-01", 1_100_000_000),),
        (Advertiser(1, "a", "A", "USD", "UTC", "a.example", ("IAB13",)),), (Campaign(1, "c", 1, "C", 0, 2**62),),
        line_items, (creative,), (), (),
    )  # fmt: skip
    return View(snapshot, Leases())


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
    view = view_of(line_items)
    updates = []
    for n in range(5):
        other = published(targeting_world.expression(random.Random(n + 1_000), world) or {"os": ["ios"]})
        items = list(view.snapshot.line_items)
        items[n * 7] = replace(items[n * 7], targeting=other)
        newer = replace(view.snapshot, version=2 + n, line_items=tuple(items))
        begun = time.perf_counter()
        change = change_of(view, newer)
        assert change is not None
        view.apply(change, Leases())
        updates.append(time.perf_counter() - begun)
        assert view.places[items[n * 7].id] >= count
    found = {
        "select_p50_us": round(taken[REQUESTS // 2], 1),
        "select_p99_us": round(taken[REQUESTS * 99 // 100], 1),
        "compile_s": round(min(compiles), 2),
        "index_mb": round(index.matcher.size_bytes() / 1e6, 1),
        "update_s": round(min(updates), 3),
    }
    print(
        f"{world}: {count} line items as {index.matcher.sets.n_items} items; {matched[REQUESTS // 2]} match at the "
        f"median, {matched[-1]} at most; {looked_at[REQUESTS // 2]} of {index.matcher.sets.n_blocks} blocks looked at; "
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
