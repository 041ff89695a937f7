"""Breaks of a stream: what filling a pod costs a request, beside the same request for a video that is in none.

Sixty line items of two lengths, one ad each; in ``crowded`` each of them keeps six others away, lengths are odd, and in
five minutes the search is cut short. Processor time, so that a busy machine does not decide. The last line
is the result as JSON.
"""

import json
import random
import statistics
import sys
import time
import timeit
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from domain.campaign import Advertiser, Campaign, LineItem, Snapshot, Targeting
from domain.creative import Creative, Rendition, Video, every_format
from domain.exchange import Exchange
from tests.auction_table import Table

ROUNDS, CALLS, ITEMS = 7, 500, 60
FILES = (Rendition("https://cdn.example/v.mp4", "video/mp4", 640, 360),)


def campaigns(lengths: tuple[int, ...], rivals: int) -> Snapshot:
    draw, numbers = random.Random(1), range(1, ITEMS + 1)
    return Snapshot(
        1, 0, (Exchange(1, "usx", "USD", every_format("burl")),), (),
        tuple(Advertiser(n, f"a{n}", "A", "USD", "UTC", f"a{n}.example", ("IAB1",)) for n in numbers),
        tuple(Campaign(n, f"k{n}", n, "K", 0, 2**62) for n in numbers),
        tuple(
            LineItem(
                n, f"l{n}", n, f"L{n}", draw.randrange(1_000_000, 9_000_000), Targeting(), (n,),
                separate_from=tuple(sorted(draw.sample([k for k in numbers if k != n], rivals))),
            )
            for n in numbers
        ),
        tuple(
            Creative(
                n, f"c{n}", n, 640, 360, "https://a.example/", format="video",
                video=Video(draw.choice(lengths) * 1000, FILES, mimes=("video/mp4",)),
            )
            for n in numbers
        ),
        (), (),
    )  # fmt: skip


def microseconds(table: Table, *videos: dict[str, Any]) -> float:
    """Median of some rounds, a request."""
    imps = [{"id": str(n), "video": {"mimes": ["video/mp4"], **video}} for n, video in enumerate(videos)]
    body = json.dumps({"id": "r", "site": {}, "imp": imps}).encode()
    work = partial(table.auction.decide, body, table.view.sellers["usx"], table.view)
    took = statistics.median(timeit.repeat(work, timer=time.process_time, number=CALLS, repeat=ROUNDS)) / CALLS
    table.log.clear()
    return round(took * 1e6, 1)


def main() -> None:
    plain, crowded = Table(campaigns((15, 15, 30), 0)), Table(campaigns((7, 11, 13, 17, 19, 23), 6))
    slot = {"podid": "p"}
    result = {
        "bench": "pods",
        "no_pod_us": microseconds(plain, {}),
        "one_slot_us": microseconds(plain, slot),
        "six_slots_us": microseconds(plain, *[slot] * 6),
        "60_s_4_ads_us": microseconds(plain, slot | {"poddur": 60, "maxseq": 4}),
        "120_s_us": microseconds(plain, slot | {"poddur": 120}),
        "slot_and_90_s_us": microseconds(plain, slot, slot | {"poddur": 90, "maxseq": 6}),
        "crowded_60_s_us": microseconds(crowded, slot | {"poddur": 60}),
        "crowded_300_s_us": microseconds(crowded, slot | {"poddur": 300}),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
