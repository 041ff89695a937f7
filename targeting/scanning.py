"""All records of a profile store, as they lie, for what has to look at everybody: a few thousand at a time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from targeting.profiles import ProfileStore
from targeting.redis_keys import record_key
from targeting.redis_profiles import RedisProfiles

Keys = NDArray[np.uint64]

BATCH = 20_000
"""Records held at once."""
ASKED = 1_000
"""Records that Redis is asked for at once."""


def scan(store: ProfileStore | RedisProfiles, batch: int = BATCH) -> Iterator[tuple[Keys, list[bytes]]]:
    """Keys, ascending, and their records; aliases and counters too. Whoever writes is not kept waiting. What is written
    meanwhile may be there or not. Of a store in Redis all keys (8 bytes each) are held.
    """
    return _of_host(store, batch) if isinstance(store, ProfileStore) else _of_fleet(store, batch)


def _of_host(store: ProfileStore, batch: int) -> Iterator[tuple[Keys, list[bytes]]]:
    """Each batch in a transaction of its own, so that pages which others replace meanwhile are used again."""
    start = b""
    while True:
        keys, records = [], []
        with store.env.begin(db=store.profiles) as txn, txn.cursor() as cursor:
            if not cursor.set_range(start):
                return
            for key, record in cursor:
                keys.append(key)
                records.append(record)
                if len(keys) == batch:
                    break
        yield np.frombuffer(b"".join(keys), ">u8").astype(np.uint64), records
        if keys[-1] == b"\xff" * 8:
            return
        start = (int.from_bytes(keys[-1], "big") + 1).to_bytes(8, "big")


def _of_fleet(store: RedisProfiles, batch: int) -> Iterator[tuple[Keys, list[bytes]]]:
    everybody = np.unique(np.fromiter(store.everybody(), np.uint64))
    for first in range(0, len(everybody), batch):
        keys = everybody[first : first + batch]
        found: list[object] = []
        for some in range(0, len(keys), ASKED):
            names = [record_key(int(key)) for key in keys[some : some + ASKED]]
            found += store.ask([(name, ("GET", name)) for name in names])
        there = [place for place, record in enumerate(found) if isinstance(record, bytes)]
        yield keys[there], [record for record in found if isinstance(record, bytes)]
