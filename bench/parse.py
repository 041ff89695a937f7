"""Reading bid requests: what a clean one and a sloppy one cost, and whether sloppy ones are served.

``decode_ratio`` is what the compiled scanner needs to fill a `Request` from clean requests, divided by what msgspec
needs to decode the same bytes into the typed model (bar: 1.0). Both are timed in turns, in short rounds of processor
time, and the quickest round of each counts: what slows a round down is another program. The requests are those of
`bench/bid_path.py`, and the clean ones of the directory.

``bench/parse.py [DIR]`` reads the ``*.json`` files of a directory of captured requests (without one, a built-in
request), then each of them with one value after another replaced by what careless exchanges write instead. What is
refused must be the id, the imps or an imp's id. The last line is the result as JSON.
"""

import argparse
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rig.world import request as world_request

from domain.exchange import Exchange
from openrtb.decode import decode, scans
from openrtb.parse import Malformed, decode_strictly, parse
from openrtb.request import Request

BUILT_IN = {
    "id": "80ce30c53c16e6ede735f123ef6e32361bfc7b22",
    "at": 1,
    "tmax": 120,
    "cur": ["USD"],
    "bcat": ["IAB25", "IAB26-1"],
    "badv": ["blocked.example"],
    "imp": [{"id": "1", "bidfloor": 0.03, "secure": 1, "banner": {"w": 300, "h": 250, "pos": 0, "battr": [13]}}],
    "site": {"id": "102855", "domain": "news.example", "page": "https://news.example/a", "cat": ["IAB3-1"]},
    "device": {"ua": "Mozilla/5.0 (X11; Linux x86_64)", "ip": "192.0.2.7", "os": "OS X", "geo": {"country": "USA"}},
    "user": {"id": "55816b39711f9b5acf3b90e313ed29e51665623f", "buyeruid": "5df678"},
    "regs": {"coppa": 0, "ext": {"gdpr": 0}},
}
STRAY: list[Any] = [None, "", "1", 300.0, True, -1, 2**40, [], {}, ["x"], [1, "IAB1", None], {"x": 1}]
"""What stands where something else should."""
ROUNDS = 7
SHORT = 100
"""Requests of a round."""


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


def microseconds(bodies: list[bytes]) -> float:
    """Median over some rounds of the time for one request."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for body in bodies:
            parse(body)
        rounds.append((time.perf_counter() - start) / len(bodies) * 1e6)
    return round(statistics.median(rounds), 2)


EXCHANGE = Exchange(1, "usx", "USD", {"banner": "burl"})


def scanner_beside_model(bodies: list[bytes]) -> dict[str, float]:
    """Microseconds a request of the scanner and of the typed decode, and their ratio."""
    request = Request()
    scanned = [body for body in bodies if scans(body, EXCHANGE)]
    ours, theirs = [], []
    for _ in range(5 * ROUNDS):
        for start in range(0, len(scanned) - SHORT + 1, SHORT):
            some = scanned[start : start + SHORT]
            begun = time.process_time_ns()
            for body in some:
                decode(request, body, EXCHANGE, 0)
            between = time.process_time_ns()
            for body in some:
                decode_strictly(body)
            ours.append((start, between - begun))
            theirs.append((start, time.process_time_ns() - between))
    quickest = [sum(dict(sorted(times, reverse=True)).values()) for times in (ours, theirs)]
    counted = len(scanned) // SHORT * SHORT
    return {
        "decoded_requests": len(scanned),
        "decoded_bytes": round(statistics.mean(map(len, scanned))),
        "decode_us": round(quickest[0] / counted / 1e3, 2),
        "model_us": round(quickest[1] / counted / 1e3, 2),
        "decode_ratio": round(quickest[0] / quickest[1], 3),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("directory", type=Path, nargs="?", help="captured bid requests, one a file")
    directory = options.parse_known_args()[0].directory
    bodies = [json.dumps(BUILT_IN).encode()]
    if directory:
        bodies = [path.read_bytes() for path in sorted(directory.glob("*.json"))]
    if not bodies:
        options.error(f"there is no .json file in {directory}")
    count: Counter[str] = Counter()
    sloppy: list[bytes] = []
    clean: list[bytes] = []
    for body in bodies:
        try:
            parsed = parse(body)
        except Malformed as refusal:
            print(f"refused: {refusal}")
            count["refused"] += 1
            continue
        (sloppy if parsed.repairs else clean).append(body)
        document = json.loads(body)
        for container, key in list(places(document)):
            before = container[key]
            for stray in STRAY:
                container[key] = stray
                altered = json.dumps(document).encode()
                try:
                    repaired = parse(altered).repairs
                except Malformed:
                    count["altered_refused"] += 1
                else:
                    count["altered_repaired" if repaired else "altered_clean"] += 1
                    if repaired:
                        sloppy.append(altered)
            container[key] = before
    draw = random.Random(1)
    draw.shuffle(sloppy)
    print(
        json.dumps(
            {
                "bench": "parse",
                "requests": len(bodies),
                "bytes": round(statistics.mean(map(len, bodies))),
                "refused": count["refused"],
                "altered_clean": count["altered_clean"],
                "altered_repaired": count["altered_repaired"],
                "altered_refused": count["altered_refused"],
                "clean_us": microseconds(clean * (2000 // max(1, len(clean)))) if clean else None,
                "sloppy_us": microseconds(sloppy[:2000]) if sloppy else None,
                **scanner_beside_model([json.dumps(world_request(draw, n)).encode() for n in range(2_000)] + clean),
            }
        )
    )


if __name__ == "__main__":
    main()
