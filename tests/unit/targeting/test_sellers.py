"""Records of who may sell, against a plain dict."""

from hypothesis import given
from hypothesis import strategies as st

from targeting.sellers import key_of, look_up, pack, pack_alias, pack_none, prolonged, seller_id

UNKNOWN, NO_FILE, UNLISTED, LISTED = range(4)
SYSTEMS = st.sampled_from(("a.example", "A.Example", "b.example", "c.example"))
ACCOUNTS = st.text("12abAB", min_size=1, max_size=2)
ROWS = st.lists(st.tuples(SYSTEMS, ACCOUNTS, st.integers(0, 2)), max_size=60)


@given(ROWS, st.lists(st.tuples(SYSTEMS, ACCOUNTS), max_size=20))
def test_the_record_says_what_a_dict_says(rows: list[tuple[str, str, int]], others: list[tuple[str, str]]) -> None:
    record = pack(rows, 100)
    twin: dict[tuple[str, str], int] = {}
    for system, account, code in rows:
        key = (system.lower(), account)
        twin[key] = max(twin.get(key, 0), code)
    for system, account in [*((system, account) for system, account, _ in rows), *others]:
        expected = twin.get((system.lower(), account))
        said = look_up(record, seller_id(system, account), 99)
        assert said == (UNLISTED if expected is None else LISTED + expected)
        assert look_up(record, seller_id(system, account), 100) == UNKNOWN
        assert look_up(prolonged(record, 101), seller_id(system, account), 100) == said


def test_a_file_that_is_not_there_and_an_alias() -> None:
    assert look_up(pack_none(100), seller_id("a.example", "1"), 99) == NO_FILE
    assert look_up(pack_none(100), seller_id("a.example", "1"), 100) == UNKNOWN
    assert look_up(pack_alias("a.example", 100), seller_id("a.example", "1"), 99) == UNKNOWN


@given(st.binary(max_size=80))
def test_any_bytes_are_a_record_or_unknown(record: bytes) -> None:
    assert UNKNOWN <= look_up(record, seller_id("a.example", "1"), 5) <= LISTED + 3


@given(ROWS.filter(bool), st.data())
def test_a_damaged_record_never_reads_beyond_its_end(rows: list[tuple[str, str, int]], data: st.DataObject) -> None:
    record = bytearray(pack(rows, 100))
    record[data.draw(st.integers(0, 7))] = data.draw(st.integers(0, 255))
    cut = bytes(record)[: data.draw(st.integers(0, len(record)))]
    assert UNKNOWN <= look_up(cut, seller_id("a.example", "1"), 5) <= LISTED + 3


def test_kinds_of_files_have_keys_of_their_own() -> None:
    assert len({key_of(kind, "a.example") for kind in ("ads.txt", "app-ads.txt", "sellers.json")}) == 3
    assert key_of("ads.txt", "A.example") == key_of("ads.txt", "a.example")
