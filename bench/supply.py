"""The supply stage: what a rule on ads.txt costs a bid request, with a store of many files on disk.

Every request is decided twice by whole auctions on the same store: once with a line item that asks for direct sellers,
once without a rule. Sites come in random order, so that records are not in the processor's caches. The last line is
JSON.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bidder.enrichment.supply import SupplyModule
from targeting import sellers
from targeting.seller_files import File, SellerFiles
from tests.auction_table import NOW_NS, Table, snapshot

SELLERS = 400
"""In a file: what sites of some size have."""
BATCH = 500
ROUNDS = 7
UNTIL_S = NOW_NS // 10**9 + 60
USX = {"exchanges[0]": {"ads_domain": "usx.example"}}


def fill(store: SellerFiles, sites: int, rng: random.Random) -> None:
    """An ads.txt for each site, with its own two sellers among others."""
    for first in range(0, sites, BATCH):
        changes = []
        for site in range(first, min(first + BATCH, sites)):
            others = [(f"x{rng.randrange(300)}.example", str(rng.randrange(10**6)), 0) for _ in range(SELLERS - 2)]
            own = [("usx.example", f"p{site}", sellers.DIRECT), ("ssp.example", f"q{site}", sellers.RESELLER)]
            file = File("ads.txt", f"s{site}.example", "good", 0, UNTIL_S, UNTIL_S, entries=SELLERS)
            changes.append((file, sellers.pack([*others, *own], UNTIL_S)))
        store.put(changes)


def request(site: int) -> bytes:
    """A banner on a site, through a chain of two."""
    nodes = [{"asi": "ssp.example", "sid": f"q{site}", "hp": 1}, {"asi": "usx.example", "sid": f"p{site}", "hp": 1}]
    content = {
        "id": f"r{site}",
        "imp": [{"id": "1", "banner": {"w": 300, "h": 250}, "bidfloor": 0.5}],
        "site": {"domain": f"s{site}.example", "publisher": {"id": f"p{site}"}},
        "device": {"geo": {"country": "USA"}},
        "source": {"schain": {"complete": 1, "ver": "1.0", "nodes": nodes}},
    }
    return json.dumps(content, separators=(",", ":")).encode()


def microseconds(table: Table, bodies: list[bytes]) -> float:
    """Processor time of one decision; every one must be a bid."""
    seller, bids = table.view.sellers["usx"], table.auction.bids
    start = time.process_time()
    for body in bodies:
        table.auction.decide(body, seller, table.view)
    spent = time.process_time() - start
    if table.auction.bids - bids != len(bodies):
        raise SystemExit(f"{len(bodies)} requests, but {table.auction.bids - bids} bids")
    return spent / len(bodies) * 1e6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sites", type=int, default=20_000)
    sites = options.parse_known_args()[0].sites
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as directory, SellerFiles(Path(directory)) as store:
        fill(store, sites, rng)
        reader = store.reader()
        rule: dict[str, Any] = {"line_items[0]": {"supply": {"ads_txt": "direct"}}}
        tables = [Table(snapshot(USX)), Table(snapshot({**USX, **rule}))]
        for table in tables:
            table.auction.sellers = SupplyModule(reader)
        bodies = [request(site) for site in range(sites)]
        rng.shuffle(bodies)
        rounds = [[microseconds(table, bodies) for table in tables] for _ in range(ROUNDS)]
        without, with_rule = (statistics.median(times) for times in zip(*rounds, strict=True))
        reader.close()
    figures = {"without_us": without, "with_rule_us": with_rule, "rule_us": with_rule - without}
    print(f"{sites} files of {SELLERS} sellers: {without:.2f} µs a request, {with_rule:.2f} µs with a rule on ads.txt")
    print(json.dumps({"bench": "supply", "sites": sites, **{name: round(value, 2) for name, value in figures.items()}}))


if __name__ == "__main__":
    main()
