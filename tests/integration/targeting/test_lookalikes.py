"""Lookalikes from Redis are those from LMDB: the same people, in the same order."""

from pathlib import Path

import pytest

from targeting.lookalike import find
from targeting.profiles import ProfileStore
from targeting.record_editor import Editor
from targeting.redis_address import parse
from targeting.redis_profiles import RedisProfiles
from targeting.scanning import scan
from tests.redis_server import RedisCluster, RedisServer
from tests.unit.targeting.test_lookalike import NOW_S, PLAN, SEED, population


@pytest.fixture(params=["alone", "cluster"])
def far(request: pytest.FixtureRequest, redis_server: RedisServer, redis_cluster: RedisCluster) -> RedisProfiles:
    server = redis_server if request.param == "alone" else redis_cluster
    for node in (server,) if isinstance(server, RedisServer) else server.nodes:
        node.ask("FLUSHALL")
    return RedisProfiles(parse(server.url))


def test_the_store_makes_no_difference(tmp_path: Path, far: RedisProfiles) -> None:
    with ProfileStore(tmp_path / "p", sync=False) as near, far:
        population(near, 3_000, 1.0)
        records = [(int(key), record) for keys, of in scan(near) for key, record in zip(keys, of, strict=True)]
        far.absorb(records)
        editor = Editor()
        for keys, of in scan(far, 700):
            assert len(keys) <= 700
            assert all(editor.load(record) for record in of)
        assert [int(key) for keys, _ in scan(far, 700) for key in keys] == [key for key, _ in records]
        found = [find(store, PLAN.features(), lambda live: SEED in live, 200, NOW_S) for store in (near, far)]
        assert found[0] == found[1]
        assert found[0].chosen.lift > 1.5
