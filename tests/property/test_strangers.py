"""Sound requests of every format, broken in a few places: whatever is bid keeps to what was offered, what is usable is
not refused, and both ways of reading agree. The judges know nothing of the bidder (`tests.strangers.judge`).
"""

import copy
import random
import time
from functools import lru_cache
from itertools import count
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidder.auction import NoBid
from campaigns.catalogue import Catalogue
from campaigns.reading import Reading
from campaigns.snapshot import compile_snapshot
from domain.campaign import Snapshot
from domain.yaml_file import read_yaml
from openrtb.parse import Malformed
from tests.auction_table import NOW_NS, Table
from tests.fuzz.target import check
from tests.property.requests import STRAY
from tests.soak import SOAK
from tests.strangers.bases import BASES
from tests.strangers.campaigns import campaign_file
from tests.strangers.judge import CURRENCIES, Judged, judge
from tests.strangers.made import make
from tests.strangers.mutations import BROKEN, GONE, changed, encoded, paths
from tests.strangers.soundness import Verdict, of_request
from tests.strangers.wire import Answer


@lru_cache(maxsize=1)
def campaigns() -> Snapshot:
    ids = count(1)
    reading = Reading(Catalogue(version=1), Path("."), lambda kind: next(ids), "2026-01-01")
    with NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(campaign_file())
        file.flush()
        reading.read(read_yaml(Path(file.name)))
    return compile_snapshot(reading.new, NOW_NS)


@lru_cache(maxsize=1)
def table_of(half_minute: int) -> Table:
    """Leases end after a minute of real time, and these tests may take longer."""
    return Table(campaigns())


def judged(document: Any, exchange: str) -> Judged:
    table = table_of(int(time.monotonic() // 30))
    try:
        outcome = table.auction.decide(encoded(document), table.view.sellers[exchange], table.view)
    except Malformed:
        return judge(Answer(400, {}, b""), document, exchange)
    if isinstance(outcome, NoBid):
        return judge(Answer(204, {"x-outbid-no-bid": str(int(outcome.reason))}, b""), document, exchange)
    return judge(Answer(200, {}, outcome), document, exchange)


VALUES = st.sampled_from([value for _, value in BROKEN]) | STRAY
CHANGES = st.lists(st.tuples(st.integers(0, 2**32), VALUES), max_size=4)
SOUND = st.sampled_from(BASES) | st.integers(0, 5_000).map(lambda number: make(number, random.Random(number)))


def broken(document: Any, changes: list[tuple[int, Any]]) -> Any:
    for place, value in changes:
        places = list(paths(document))
        if places:
            path = places[place % len(places)]
            document = changed(document, path, GONE if value is GONE else copy.deepcopy(value))
    return document


@pytest.mark.timeout(7_200 if SOAK else 120)
@settings(max_examples=100_000 if SOAK else 400, deadline=None, derandomize=not SOAK)
@given(SOUND, CHANGES, st.sampled_from(sorted(CURRENCIES)))
def test_what_is_broken_is_judged_as_if_nothing_were_known_of_the_bidder(
    document: Any, changes: list[tuple[int, Any]], exchange: str
) -> None:
    document = broken(document, changes)
    check(encoded(document))
    found = judged(document, exchange)
    assert not found.faults, found
    assert not (found.refused and of_request(document) is Verdict.SOUND), document


def test_unbroken_they_get_bids_on_all_imps() -> None:
    for base in BASES:
        found = judged(base, "usx")
        assert not found.faults and {bid.imp for bid in found.bids} == {imp["id"] for imp in base["imp"]}
