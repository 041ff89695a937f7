"""What is kept how long, and which addresses of a store can be read."""

from pathlib import Path

import pytest

from domain.settings import SettingsError
from reporting.cluster import Cluster
from reporting.config import KeepDays, settings
from reporting.retention import kept
from reporting.rollups import ROLLUPS
from reporting.schema import BATCHES, BIDS, CURRENT, FACTS, NAMES, V18
from reporting.store import open_store


def test_days_that_are_too_few_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBID_REPORTING_KEEP_DAYS", '{"bids": 2, "money": 427, "events": 0}')
    assert settings().keep_days == KeepDays(bids=2, events=0, money=427)
    for told, named in (("money", 426), ("money", -1), ("bids", 1)):
        monkeypatch.setenv("OUTBID_REPORTING_KEEP_DAYS", f'{{"{told}": {named}}}')
        with pytest.raises(SettingsError, match=rf"\[reporting.keep_days\] {told} is {named}; it must be"):
            settings()


def test_every_table_of_facts_is_kept_some_time_and_days_for_ever() -> None:
    days = kept(KeepDays(bids=3, events=5, money=7))
    assert {table.name for table in FACTS} <= days.keys() and "delivery_day" not in days
    assert (days["no_bids"], days["visits"], days["clicks"], days["attributions"]) == (3, 5, 7, 7)


@pytest.mark.parametrize("query", ["cluster=a-b", "cluster=a&x=1", "x=1", "cluster=a&cluster=b;"])
def test_an_address_with_parameters_that_mean_nothing_is_refused(query: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="it must read clickhouse://"):
        open_store(f"clickhouse://h/db?{query}", tmp_path)


def test_what_batches_are_announced_in_is_on_disk_as_soon_as_what_they_bring() -> None:
    """Not the window: the same announcement may be made again, and must arrive."""
    for dialect in (CURRENT, Cluster.of(CURRENT, "fleet", "db")):
        for table in (BATCHES, BIDS, ROLLUPS["minute"]):
            assert "fsync_after_insert = 1, fsync_part_directory = 1" in dialect.creates(table)[0], table.name
            assert "MODIFY SETTING fsync_after_insert = 1" in dialect.set(table)[0]
        assert "window" not in dialect.creates(BATCHES)[0] and "SETTINGS" not in dialect.creates(NAMES)[0]
    assert V18.set(BATCHES) == [] and "SETTINGS" not in V18.create(BATCHES)


def test_where_replicas_meet() -> None:
    """Facts and positions are of a shard; names are one table on all nodes."""
    fleet = Cluster.of(CURRENT, "fleet", "db")
    local, spanning = fleet.creates(BIDS)
    assert "bids_local ON CLUSTER fleet (" in local and "'/clickhouse/outbid/db/{shard}/bids', '{replica}')" in local
    assert "non_replicated" not in local and "replicated_deduplication_window = 10000" in local
    assert spanning.endswith("AS db.bids_local ENGINE = Distributed(fleet, db, bids_local)")
    [batches], [names] = fleet.creates(BATCHES), fleet.creates(NAMES)
    assert "ReplicatedReplacingMergeTree('/clickhouse/outbid/db/{shard}/batches', '{replica}', end)" in batches
    assert "'/clickhouse/outbid/db/all/names', '{shard}-{replica}', version)" in names
