"""The store of seller files: what is written together is read together, and who reads first makes it."""

from pathlib import Path

import lmdb

from targeting.seller_files import File, SellerFiles
from targeting.sellers import key_of, look_up, pack, seller_id

UNKNOWN, UNLISTED, DIRECT = 0, 2, 4
FILE = File("ads.txt", "news.example", "good", 10, 100, 50, entries=1, etag='"1"', subdomains=("a.news.example",))
RECORD = pack([("ssp.example", "1", 1)], 100)


def test_files_and_records_come_back(tmp_path: Path) -> None:
    with SellerFiles(tmp_path) as store:
        store.put([(FILE, RECORD), (File("sellers.json", "ssp.example", "failed", 10, problem="no"), None)])
    with SellerFiles(tmp_path, readonly=True) as store:
        assert store.file("ads.txt", "news.example") == FILE
        assert store.record("ads.txt", "news.example") == RECORD
        assert store.record("sellers.json", "ssp.example") is None and store.file("ads.txt", "other.example") is None
        assert [(file.kind, file.name) for file in store.files()] == [
            ("ads.txt", "news.example"), ("sellers.json", "ssp.example"),
        ]  # fmt: skip


def test_without_a_record_the_old_one_holds_for_longer(tmp_path: Path) -> None:
    with SellerFiles(tmp_path) as store:
        store.put([(FILE, RECORD)])
        store.put([(File("ads.txt", "news.example", "good", 90, 200, 150), None)])
        record = store.record("ads.txt", "news.example")
        assert record is not None
        assert [look_up(record, seller_id("ssp.example", "1"), now) for now in (150, 200)] == [DIRECT, UNKNOWN]


def test_a_reader_keeps_its_view_until_it_renews(tmp_path: Path) -> None:
    with SellerFiles(tmp_path) as store:
        reader = store.reader()
        store.put([(FILE, RECORD)])
        assert reader.get(key_of("ads.txt", "news.example")) is None
        reader.renew(0.0)  # too early
        assert reader.get(key_of("ads.txt", "news.example")) is None
        reader.renew(float("inf"))
        found = reader.get(key_of("ads.txt", "NEWS.example"))
        assert found is not None and look_up(found, seller_id("ssp.example", "2"), 99) == UNLISTED
        del found
        reader.close()


def test_a_store_that_was_begun_and_not_made_is_made(tmp_path: Path) -> None:
    lmdb.open(str(tmp_path), max_dbs=4).close()
    with SellerFiles(tmp_path, readonly=True) as store:
        assert list(store.files()) == []


def test_long_names_are_kept(tmp_path: Path) -> None:
    name = "x" * 600
    with SellerFiles(tmp_path) as store:
        store.put([(File("app-ads.txt", name, "alias", 1, alias="dev.example"), RECORD)])
        assert store.record("app-ads.txt", name) == RECORD
