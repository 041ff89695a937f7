"""Joins, splits and events in any order leave what the edges and the events say, computed from scratch."""

from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from targeting.profiles import ProfileStore
from tests.identity_twin import KEYS, OPS, Op, Twin


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(OPS, min_size=1, max_size=30))
def test_the_store_says_what_edges_and_events_say(ops: list[Op]) -> None:
    with TemporaryDirectory(dir="/dev/shm") as folder, ProfileStore(Path(folder), sync=False) as store:
        twin = Twin()
        for op in ops:
            twin.do(store, store.identity, op)
        reader = store.reader()
        twin.check(store, store.identity, lambda keys: [reader.get(key) for key in keys])
        reader.close()
        for first, second in combinations(KEYS, 2):
            twin.do(store, store.identity, ("split", first, second))
        reader = store.reader()
        twin.check(store, store.identity, lambda keys: [reader.get(key) for key in keys])
        reader.close()
        with store.env.begin() as txn:
            assert txn.stat(store.identity.parts)["entries"] == 0, "all is as if there had been no joins"
