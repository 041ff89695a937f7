"""Tables of persons: what is refused, and what loading leaves; random tables are in tests/property."""

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domain.errors import Refused
from domain.naming import person_key
from domain.person import Stage, score_id
from targeting import loading
from targeting.loading import Loaded, load
from targeting.people import Change
from targeting.profile_rows import Batch, Merge, Run
from targeting.profile_tables import Table
from targeting.profiles import ProfileStore
from targeting.record import NEVER, Scored, Standing
from targeting.unpacked import Record, unpack


def table(tmp_path: Path, **columns: object) -> Path:
    path = tmp_path / "people.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def loaded(tmp_path: Path, file: Path, **how: object) -> dict[int, Record]:
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        load(store, Table(file, now_s=1_000, **how).batches())  # type: ignore[arg-type]
        with store.env.begin(db=store.profiles) as txn, txn.cursor() as cursor:
            return {int.from_bytes(key, "big"): unpack(record) for key, record in cursor}


def test_persons_as_they_are_written_and_audiences_by_key(tmp_path: Path) -> None:
    file = table(
        tmp_path,
        person=["ifa:AB-1", "buyeruid:usx:x"],
        audiences=[["ready", "customers"], None],
        expires=pa.array([datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC), None]),
        stage=["in-arrears", None],
        visited_at=pa.array([datetime.datetime(2026, 1, 1, 0, 0, 5, 999_999), None]),
        score_credit=[700, None],
    )
    people = loaded(tmp_path, file, advertiser=3, audiences={"ready": 5, "customers": 4}, exchanges={"usx"})
    assert people == {
        person_key("ifa", "ab-1"): Record(
            segments={4: 1_893_456_000, 5: 1_893_456_000},
            relations={3: Standing(Stage.IN_ARREARS, 1_000, visited_s=1_767_225_605)},
            scores={score_id("credit"): Scored(700, 1_000)},
        ),
        person_key("buyeruid", "x", "usx"): Record(),
    }


def test_an_expiry_for_each_audience(tmp_path: Path) -> None:
    file = table(tmp_path, person=[7, 8], audiences=[[1, 2], [3]], expires=[[10, None], [30]])
    assert {k: v.segments for k, v in loaded(tmp_path, file).items()} == {7: {1: 10, 2: NEVER}, 8: {3: 30}}


def test_an_arrow_file_and_a_stream(tmp_path: Path) -> None:
    content = pa.table({"person": pa.array([9, 3], pa.uint64()), "audiences": [[1], [2]]})
    for kind in (pa.ipc.new_file, pa.ipc.new_stream):
        path = tmp_path / f"{kind.__name__}.arrow"
        with pa.OSFile(str(path), "wb") as sink, kind(sink, content.schema) as writer:
            writer.write_table(content)
        assert loaded(tmp_path / kind.__name__, path).keys() == {3, 9}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"audiences": [[1]]}, "columns: 'audiences' is not allowed; the columns are person"),
        ({"person": [1], "fico": [700]}, "columns: 'person, fico' is not allowed"),
        ({"person": [1], "stage": ["active"]}, "--advertiser"),
        ({"person": [None, 1]}, "person: 'null' is not allowed"),
        ({"person": [-1]}, "person: 'int64' is not allowed"),
        ({"person": ["ifa:1", "tel:5"]}, r"row 2, person: 'tel:5' is not allowed; a person is written"),
        ({"person": [1], "audiences": [5]}, "audiences: 'int64' is not allowed; a list"),
        ({"person": [1], "audiences": [["x"]]}, "audiences: 'x' is not allowed; keys of audiences of the advertiser"),
        ({"person": [1], "audiences": [[1, 2]], "expires": [[5]]}, "as many times as there are audiences"),
        ({"person": [1], "score_credit": [1 << 40]}, "score_credit: 'int64' is not allowed; values that are int32"),
        ({"person": [1], "scored_at": [-5], "score_x": [1]}, "scored_at: 'int64' is not allowed"),
        ({"person": [1], "audiences": [list(range(70_000))]}, "audiences: 70000 is not allowed"),
    ],
)
def test_what_is_refused(tmp_path: Path, columns: dict[str, object], said: str) -> None:
    with pytest.raises(Refused, match=said):
        loaded(tmp_path, table(tmp_path, **columns))


def test_an_unknown_stage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="stage: 'vip' is not allowed; prospect, applied"):
        loaded(tmp_path, table(tmp_path, person=[1], stage=["vip"]), advertiser=3)


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    for name in ("x.parquet", "x.csv"):
        (tmp_path / name).write_text("person\n1\n")
        with pytest.raises(Refused, match="must be a readable Parquet or Arrow file"):
            Table(tmp_path / name)


def test_a_broken_off_load_is_completed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "WRITE_ROWS", 10)
    file = table(tmp_path, person=list(range(1, 100)), audiences=[[7]] * 99)

    def breaks_off(read: int, written: int) -> None:
        if written == 50:
            raise KeyboardInterrupt

    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        with pytest.raises(KeyboardInterrupt):
            load(store, Table(file).batches(), breaks_off)
        assert store.members(7) == list(range(1, 51))
        assert load(store, Table(file).batches()) == Loaded(99, 99)
        assert store.members(7) == list(range(1, 100))
        assert store.replace_audience(7, [5, 200]) == Change(added=1, removed=98, size=2)
        assert list(tmp_path.glob("profiles.lmdb/loading-*")) == [], "what was spilled is gone"


def test_the_members_of_a_loaded_audience_are_found_in_a_store_that_is_only_read(tmp_path: Path) -> None:
    loaded(tmp_path, table(tmp_path, person=[5, 3, 9], audiences=[[7], [7], [8]]))
    with ProfileStore(tmp_path / "profiles.lmdb", readonly=True) as store:
        assert store.members(7) == [3, 5]
        assert store.size(8) == 1


def test_columns_of_unequal_length_are_refused() -> None:
    def numbers(*values: int, code: str = "I") -> memoryview:
        return (
            memoryview(pa.array(values, {"I": pa.uint32(), "i": pa.int32(), "B": pa.uint8()}[code]).buffers()[1])[
                : len(values) * (1 if code == "B" else 4)
            ]
            .cast("B")
            .cast(code)
        )  # type: ignore[call-overload,no-any-return]

    batch = Batch(memoryview(bytes(16)).cast("Q"))
    with pytest.raises(ValueError, match="1 rows, and there are 2"):
        batch.score(1, numbers(1, code="i"), numbers(1, 2))
    with pytest.raises(ValueError, match="1 rows, and there are 2"):
        batch.standing(1, numbers(1, 1, code="B"), numbers(1), numbers(1, 2))
    with pytest.raises(ValueError, match="end at 3, of 1"):
        batch.memberships(numbers(0, 3, 3, code="i"), numbers(1), numbers(1))
    with pytest.raises(ValueError, match="not as many rows"):
        batch.memberships(numbers(0, 1, code="i"), numbers(1), numbers(1))


def test_a_run_that_is_cut_off_is_refused() -> None:
    run = Run()
    run.add(Batch(memoryview((5).to_bytes(8, "little")).cast("Q")))
    assert len(run) == 1
    first, last, sealed = run.seal()
    assert (first, last, len(run), len(sealed)) == (5, 5, 0, 24)
    with pytest.raises(ValueError, match="cut off"):
        Merge([sealed[:-1]])
    merge = Merge([b"", sealed, sealed])
    assert merge.next(5) == [((5).to_bytes(8, "big"), sealed[12:])]
    assert merge.next(5) == []
