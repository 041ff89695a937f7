"""The deployment's keys: made once, for all processes, readable by nobody else."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from domain.keys import load_keys, postback_secret


def test_the_first_start_makes_them_and_all_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: load_keys(tmp_path / "data"), range(16)))
    assert len(set(found)) == 1
    assert (len(found[0].seal), len(found[0].mac), len(found[0].postback)) == (16, 16, 32)
    assert stat.S_IMODE((tmp_path / "data" / "keys.json").stat().st_mode) == 0o600
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["keys.json"]


def test_each_advertiser_has_a_secret_of_its_own(tmp_path: Path) -> None:
    keys = load_keys(tmp_path)
    assert postback_secret(keys, "bank") == postback_secret(keys, "bank") != postback_secret(keys, "shop")
