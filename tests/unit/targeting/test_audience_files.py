"""Lists of ids as marketers have them: what is taken, and how a bad line is named."""

import csv
import gzip
import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domain.errors import Refused
from domain.naming import person_key
from targeting.audience_files import MAX_LINE, MAX_PROBLEMS, ROWS, Column, IdFile
from targeting.audience_import import read
from targeting.audience_spool import PARTS, Spool

MAID = Column("ifa", "maid")
COOKIE = Column("buyeruid:usx", "cookie id")


def persons(file: IdFile, most_bad: int = 0) -> dict[int, str]:
    with Spool() as spool:
        read(file, spool, most_bad)
        return {person: kind for part in range(PARTS) for person, kind in spool.part(part).items()}


def problems(path: Path, columns: Sequence[Column] = (), most_bad: int = 0) -> list[tuple[str, object]]:
    with pytest.raises(Refused) as refused:
        persons(IdFile(path, columns, exchanges={"usx"}), most_bad)
    assert all(problem.path.startswith(str(path)) for problem in refused.value.problems)
    return [(problem.path.removeprefix(f"{path}, "), problem.value) for problem in refused.value.problems]


def test_written_persons_as_people_write_them(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbf# visitors of June\r\n\r\nuser:usx:u1\r\n user:usx:u2 \n#user:usx:u3\nuser:usx:u1")
    assert persons(IdFile(path)) == {person_key("user", f"u{n}", "usx"): "user" for n in (1, 2)}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_tables_as_programs_write_them(tmp_path: Path, delimiter: str) -> None:
    """Written by Python's own csv, with cells that need quotation marks; once more packed, and once as Parquet."""
    sign = delimiter.replace("\t", ";")
    rows = [
        {"name": f'Jo "J{delimiter}" {n}', "maid": f"A{n}" if n % 3 else "", "cookie id": f"c{sign}{n}" * (n % 2)}
        for n in range(ROWS + 10)
    ]  # fmt: skip
    path = tmp_path / "list.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["name", "maid", "cookie id"], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    expected = {person_key("ifa", f"a{n}"): "ifa" for n in range(ROWS + 10) if n % 3}
    expected |= {person_key("buyeruid", f"c{sign}{n}", "usx"): "buyeruid:usx" for n in range(1, ROWS + 10, 2)}
    assert persons(IdFile(path, [MAID, COOKIE])) == expected
    packed = tmp_path / "list.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert persons(IdFile(packed, [MAID, COOKIE])) == expected
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "list.parquet", row_group_size=1_000)
    file_ = IdFile(tmp_path / "list.parquet", [COOKIE, MAID])
    assert persons(file_) == expected
    with Spool() as spool:
        tally = read(file_, spool)
    assert (tally.rows, tally.blank, tally.bad) == (ROWS + 10, len([n for n in range(ROWS + 10) if not n % 6]), 0)


def test_a_table_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("a1\na2\n\n")
    assert persons(IdFile(path, [Column("ifa", "1")], header=False)).keys() == {
        person_key("ifa", "a1"), person_key("ifa", "a2"),
    }  # fmt: skip
    path.write_text("x,a1\n,a2\n")
    assert len(persons(IdFile(path, [Column("ifa", "2")], header=False))) == 2


def test_integers_are_ids_too(tmp_path: Path) -> None:
    path = tmp_path / "list.parquet"
    pq.write_table(pa.table({"maid": pa.array([7, None, 9])}), path)
    assert persons(IdFile(path, [MAID])).keys() == {person_key("ifa", "7"), person_key("ifa", "9")}
    pq.write_table(pa.table({"maid": pa.array([[7]])}), path)
    assert problems(path, [MAID]) == [("maid", "list<element: int64>")]


def test_bad_lines_are_named_by_number_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(
        b"user:usx:u1\nnobody\n# a remark\nuser:usx:\xff\n" + b"x" * (3 * MAX_LINE) + b"\nbuyeruid:adx:1\n"
    )
    assert problems(path) == [
        ("line 2", "nobody"), ("line 4", "user:usx:?"), ("line 5", ""), ("line 6", "buyeruid:adx:1"),
    ]  # fmt: skip
    with pytest.raises(Refused, match="ifa:VALUE"):
        persons(IdFile(path))
    path = tmp_path / "list.csv"
    path.write_text('maid,cookie id\na1,c1\na 2,c2\na3\n"a4,c4\na5,\n00000000-0000-0000-0000-000000000000,c6\n')
    assert problems(path, [MAID, COOKIE], most_bad=3) == [
        ("line 3, maid", "a 2"), ("line 4", ""), ("line 5", ""),
        ("line 7, maid", "…"),
    ]  # fmt: skip
    taken = persons(IdFile(path, [MAID, COOKIE]), most_bad=4)
    cookies = {person_key("buyeruid", f"c{n}", "usx") for n in (1, 2, 6)}
    assert taken.keys() == {person_key("ifa", "a1"), person_key("ifa", "a5"), *cookies}


def test_another_kind_of_file_is_given_up_soon(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("nobody\n" * (3 * MAX_PROBLEMS))
    assert len(problems(path)) == MAX_PROBLEMS


def test_what_may_be_a_secret_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("maid\njo @mail.example\n+1 (555) 010-9999 ext\n+49 30 901820\n")
    assert [value for _, value in problems(path, [MAID])] == ["…"] * 3
    path.write_text("mail\nAnn Doe\n0171 5550123\n")
    assert [value for _, value in problems(path, [Column("email", "mail")])] == ["…"] * 2
    path = tmp_path / "list.txt"
    bad = ["Ann.Doe@example.com", "email:Ann.Doe", "phone:0171 5550123", "0171 5550123", "user:Ann.Doe@example.com:1"]
    path.write_text("\n".join(bad))
    assert [value for _, value in problems(path)] == ["…", "email:…", "phone:…", "…", "user:…"]


def test_raw_addresses_are_the_hashed_ones(tmp_path: Path) -> None:
    path = tmp_path / "crm.csv"
    path.write_text(
        "mail,hash\n Ann.Doe+x@GMail.com ,\n,6a6c34133218ed8a1f0ef83b9a5f1e3ae05d6f19fb7fbb84c0f1c2b7d6e36a26\n"
    )
    hashed = hashlib.sha256(b"anndoe@gmail.com").hexdigest()
    found = persons(IdFile(path, [Column("email", "mail"), Column("email_sha256", "hash")]))
    assert person_key("email_sha256", hashed) in found and len(found) == 2


def test_what_is_no_such_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    with pytest.raises(Refused, match="which of its columns hold which ids"):
        IdFile(path)
    with pytest.raises(Refused, match=r"whose name ends in \.csv"):
        IdFile(tmp_path / "list.txt", [MAID])
    with pytest.raises(Refused, match="No such file"):
        persons(IdFile(path, [MAID]))
    path.write_text("idfa;cookie id\na;b\n")
    with pytest.raises(Refused, match="'maid' is not allowed; the columns are idfa, cookie id"):
        persons(IdFile(path, [MAID]))
    (tmp_path / "list.parquet").write_text("idfa")
    with pytest.raises(Refused, match="a file that can be read"):
        persons(IdFile(tmp_path / "list.parquet", [MAID]))
    (tmp_path / "list.csv.gz").write_text("maid")
    with pytest.raises(Refused, match="a file that can be read"):
        persons(IdFile(tmp_path / "list.csv.gz", [MAID]))


def test_a_spool_is_the_same_in_files(tmp_path: Path) -> None:
    keys = [(n * 0x9E3779B97F4A7C15) % 2**64 for n in range(3_000)]
    with Spool() as small, Spool(tmp_path / "spool", in_memory=100) as large:
        for spool in (small, large):
            for first in range(0, 3_000, 50):
                spool.add("ifa" if first % 100 else "email", [*keys[first : first + 50], keys[0]])
        found = [[spool.part(part) for part in range(PARTS)] for spool in (small, large)]
        assert found[0] == found[1] and len(small) == len(large) == 3_000
        assert [person for part in found[1] for person in part] == sorted(keys)
        assert found[1][keys[0] >> 56][keys[0]] == "email"
        assert (tmp_path / "spool").is_dir()
    assert not (tmp_path / "spool").exists()
