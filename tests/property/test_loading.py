"""Loading in bulk against the twin that changes one profile after the other, for runs of any size and order."""

import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.person import STAGES, score_id
from targeting.loading import load
from targeting.profile_tables import Table
from targeting.profiles import ProfileStore
from targeting.record import NEVER, campaign_scope
from targeting.record_editor import Editor

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "person": st.integers(1, 12) | st.integers(1, (1 << 64) - 1),
            "audiences": st.lists(st.integers(1, 9), max_size=4),
            "expires": st.none() | st.integers(0, NEVER),
            "stage": st.none() | st.sampled_from([*STAGES]),
            "stage_at": st.none() | st.integers(0, NEVER),
            "visited_at": st.none() | st.integers(0, NEVER),
            "score_credit": st.none() | st.integers(300, 900),
            "score_own": st.none() | st.integers(-5, 5),
            "scored_at": st.none() | st.integers(0, NEVER),
        }
    ),
    max_size=60,
)
NOW_S = 1_000
SCHEMA = pa.schema(
    [
        ("person", pa.uint64()),
        ("audiences", pa.list_(pa.uint32())),
        ("expires", pa.int64()),
        ("stage", pa.string()),
        ("stage_at", pa.int64()),
        ("visited_at", pa.int64()),
        ("score_credit", pa.int32()),
        ("score_own", pa.int64()),
        ("scored_at", pa.int64()),
    ]
)


def twin(rows: list[dict[str, object]], known: dict[int, bytes]) -> dict[int, bytes]:
    """Profiles after the rows, one after the other."""
    profiles = dict(known)
    for row in rows:
        editor = Editor()
        for audience in row["audiences"]:  # type: ignore[attr-defined]
            editor.join(audience, NEVER if row["expires"] is None else row["expires"])  # type: ignore[arg-type]
        if row["stage"]:
            at_s = NOW_S if row["stage_at"] is None else row["stage_at"]
            editor.reach(3, STAGES[row["stage"]], at_s)  # type: ignore[arg-type,index]
        if row["visited_at"]:
            editor.visit(3, row["visited_at"])  # type: ignore[arg-type]
        for name in ("credit", "own"):
            if row[f"score_{name}"] is not None:
                at_s = NOW_S if row["scored_at"] is None else row["scored_at"]
                editor.score(score_id(name), row[f"score_{name}"], at_s)  # type: ignore[arg-type]
        packed, person = editor.pack(), row["person"]
        assert isinstance(person, int)
        if person in profiles:
            assert editor.load(profiles[person]) and editor.absorb(packed)
            packed = editor.pack()
        profiles[person] = packed
    return profiles


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from([1, 300, 2_000, 1 << 20]), st.booleans(), st.sets(st.integers(1, 12)))
def test_loading_is_as_changing_one_after_the_other(
    rows: list[dict[str, object]], run_bytes: int, in_order: bool, known: set[int]
) -> None:
    if in_order:
        rows = sorted(rows, key=lambda row: row["person"])  # type: ignore[arg-type,return-value]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, SCHEMA) as writer:
            for first in range(0, len(rows), 7):
                writer.write_batch(pa.RecordBatch.from_pylist(rows[first : first + 7], SCHEMA))
        with ProfileStore(Path(folder) / "profiles.lmdb") as store:
            with store.write() as txn:
                for person in known:
                    store.record_impression(txn, person, 500, campaign=2, line_item=4)
            before = {person: store.reader().get(person) or b"" for person in known}
            loaded = load(store, Table(path, advertiser=3, now_s=NOW_S).batches(), run_bytes=run_bytes)
            with store.env.begin(db=store.profiles) as txn, txn.cursor() as cursor:
                after = {int.from_bytes(key, "big"): record for key, record in cursor}
            listed = {audience: set(store.members(audience)) for audience in range(1, 10)}
            again = {audience: set(store.members(audience)) for audience in range(1, 10)}
    assert after == twin(rows, before)
    assert loaded.rows == len(rows)
    members: dict[int, set[int]] = {audience: set() for audience in range(1, 10)}
    for row in rows:
        for audience in row["audiences"]:  # type: ignore[attr-defined]
            members[audience].add(row["person"])  # type: ignore[arg-type]
    assert listed == again == members
    assert all(campaign_scope(2) in record_scopes(after[person]) for person in known), "impressions stay"


def record_scopes(data: bytes) -> set[int]:
    from targeting.unpacked import unpack

    return set(unpack(data).shown)
