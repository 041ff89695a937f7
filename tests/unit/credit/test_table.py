"""Files of applicants as people write them: separators, encodings, numbers, dates, what is missing."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from credit.columns import Plan, schema
from credit.numbers import decimal_of, is_date, number_of
from credit.protected import attribute_of_name, attribute_of_values
from credit.table import Table, of_records, read
from domain.errors import Refused
from tests.credit_sets import german, lending, monthly


def rows_of(table: Table) -> list[tuple[str | None, ...]]:
    return [tuple(column.text(row) for column in table.columns.values()) for row in range(table.rows)]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("a,b c,ü\n1,x,\n2,NA,'y'\n", "utf-8"),
        ("a;b c;ü\r\n1;x;\r\n\r\n2;?;y\r\n", "latin-1"),
        ("\ufeffa\tb c\tü\n1\tx\t-\n2\tnull\ty\n", "utf-8"),
        ("a|b c|ü\n1|x|N/A\n2||y", "utf-16"),
        ('"a","b c","ü"\n"1","x"," "\n2,"","y"\n', "utf-8"),
        ("\n\na,b c,ü\n1,x,\n2,,y\n", "utf-8"),
        ("sep=;\na;b c;ü\n1;x;\n2;;y\n", "latin-1"),
    ],
)
def test_whatever_separates_the_columns_the_table_is_the_same(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(text.encode(encoding))
    table = read(path)
    assert list(table.columns) == ["a", "b c", "ü"]
    assert rows_of(table) == [("1", "x", None), ("2", None, "y")]


def test_lines_of_another_length_are_counted_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("a,b,b\n1,2,3\n1,2\n4,5,6\n7,8,9,10\n1,1,1\n2,2,2\n")
    table = read(path)
    assert (table.rows, table.bad_lines, list(table.columns)) == (4, 2, ["a", "b", "b_2"])


def test_names_of_rows_packed_files_and_letters_that_come_late(tmp_path: Path) -> None:
    path = tmp_path / "file.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\nfirst,1,2\nsecond,3,4\n"))
    table = read(path)
    assert list(table.columns) == ["column_1", "a", "b"] and rows_of(table)[1] == ("second", "3", "4")
    path = tmp_path / "late.csv"
    path.write_bytes(b"a,b\n" + b"1,x\n" * 30_000 + "2,ü\n".encode("latin-1"))
    table = read(path)
    assert table.rows == 30_001 and table.columns["b"].levels == ("x", "ü")
    for rows in (99, 99_999):
        (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n" * rows)[:-20])
        with pytest.raises(Refused, match="gzip"):
            read(tmp_path / "cut.csv.gz")


def test_blanks_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "german.data"
    path.write_text("A11 6  A34 1169\nA12 48 A32 5951\n")
    table = read(path, header=False)
    assert list(table.columns) == ["column_1", "column_2", "column_3", "column_4"]
    assert rows_of(table)[1] == ("A12", "48", "A32", "5951")


def test_parquet_is_read_as_the_csv_is(tmp_path: Path) -> None:
    made = lending(200)
    csv = read(made.write(tmp_path / "file.csv"))
    path = tmp_path / "file.parquet"
    columns = {name: pa.array([each or None for each in cells]) for name, cells in made.columns.items()}
    columns["loan_amnt"] = pa.array([float(each) for each in made.columns["loan_amnt"]])
    pq.write_table(pa.table(columns), path)
    parquet = read(path)
    assert parquet.rows == csv.rows
    left, right = schema(csv, "loan_status"), schema(parquet, "loan_status")
    for one, other in zip(left.plans, right.plans, strict=True):
        assert (one.name, one.kind) == (other.name, other.kind)
        read_one, read_other = (
            plan.numbers(table.columns[plan.name]) if plan.kind == "number" else plan.codes(table.columns[plan.name])
            for plan, table in ((one, csv), (other, parquet))
        )
        np.testing.assert_array_equal(read_one, read_other)


@pytest.mark.parametrize("content", [b"", b"a,b\n", b"PAR1nothing"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Refused, match="file"):
        read(path)
    with pytest.raises(Refused, match="there"):
        read(tmp_path / "there")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("36 months", 36), ("10+ years", 10), ("< 1 year", 0.5), ("13.56%", 13.56), ("$5,000", 5000), ("-3", -3),
        ("1e3", 1000), ("1 234 567", 1234567), ("A11", None), ("0<=X<200", None), ("940xx", None), ("nan", None),
        ("inf", None), ("2019-01-02", None), ("", None), ("1e999", None), (".5", 0.5),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(text: str, value: float | None) -> None:
    assert number_of(text) == value


def test_decimal_commas_are_told_from_thousands() -> None:
    assert decimal_of(["1.234,50", "3,5"], False) == "," and number_of("1.234,50", ",") == 1234.5
    assert decimal_of(["1,234", "12,500", "7"], False) == "." and number_of("12,500") == 12500
    assert decimal_of(["1,234", "12,500"], True) == ","
    assert decimal_of(["1.234.567", "2.000.000"], False) == ","
    assert decimal_of(["1.5", "20"], True) == "."


@pytest.mark.parametrize(
    "text", ["2019-01-02", "02.01.2019", "1/2/19", "Dec-2018", "2 Mar 2020", "2019-01-02T10:00:00Z"]
)
def test_dates(text: str) -> None:
    assert is_date(text)
    assert not is_date("12") and not is_date("1.5") and not is_date("mark")


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("SEX", "sex"), ("CODE_GENDER", "sex"), ("applicantAge", "age"), ("DAYS_BIRTH", "age"), ("alter", "age"),
        ("MARRIAGE", "marital status"), ("NAME_FAMILY_STATUS", "marital status"), ("famges", "marital status"),
        ("personal_status_sex", "marital status"), ("foreign_worker", "ethnicity"), ("native.country", "ethnicity"),
        ("mileage", None), ("average_age_of_accounts", None), ("oldest_account_age", None), ("policy_code", None),
        ("political", None), ("OWN_CAR_AGE", None), ("trace", None), ("loan_amnt", None),
    ],
)  # fmt: skip
def test_protected_columns_are_found_by_their_names(name: str, attribute: str | None) -> None:
    assert attribute_of_name(name) == attribute


def test_protected_columns_are_found_by_their_values() -> None:
    assert attribute_of_values(["M", "F", "XNA"]) == "sex"
    assert attribute_of_values(["male single", "female div/dep/mar"]) == "sex"
    assert attribute_of_values(["Married", "Single / not married"]) == "marital status"
    assert attribute_of_values(["yes", "no"]) is None


def kinds(table: Table, target: str) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    found = schema(table, target)
    return (
        {plan.name: plan.kind for plan in found.plans},
        found.protected,
        {left.name: left.reason for left in found.left},
    )


def test_columns_of_three_countries(tmp_path: Path) -> None:
    plans, protected, left = kinds(read(german(300).write(tmp_path / "g.csv", ";", encoding="latin-1")), "class")
    assert plans == {
        "checking_status": "category", "duration": "number", "credit_history": "category", "credit_amount": "number",
    }  # fmt: skip
    assert set(protected) == {"personal_status", "age", "foreign_worker"} and set(left) == {"laufende_nr", "Datum"}

    table = read(lending(400).write(tmp_path / "l.csv"))
    plans, protected, left = kinds(table, "loan_status")
    assert plans == {
        "loan_amnt": "number", "term": "number", "int_rate": "number", "grade": "category", "emp_length": "number",
        "annual_inc": "number",
    } | ({"zip_code": "category"} if "zip_code" in plans else {})  # fmt: skip
    assert {"id", "emp_title", "issue_d", "policy_code"} <= set(left) and not protected

    plans, protected, left = kinds(read(monthly(300).write(tmp_path / "m.csv", "\t")), "TARGET")
    assert set(protected) == {"CODE_GENDER", "DAYS_BIRTH", "NAME_FAMILY_STATUS"} and set(left) == {"SK_ID_CURR"}
    assert plans["OCCUPATION"] == "category" and plans["DAYS_EMPLOYED"] == "number"


def test_numbers_survive_the_way_through_text(tmp_path: Path) -> None:
    made = german(200)
    table = read(made.write(tmp_path / "g.csv", ";"))
    plan = next(each for each in schema(table, "class").plans if each.name == "credit_amount")
    told = [float(cell.replace(",", ".")) for cell in made.columns["credit_amount"]]
    np.testing.assert_array_equal(plan.numbers(table.columns["credit_amount"]), told)


def test_levels_are_the_same_however_they_are_written() -> None:
    plan = Plan("rooms", "category", levels=("1", "Own"))
    column = of_records([{"rooms": each} for each in ("1.0", 1, "OWN", "Own", "rent", None, "")], ["rooms"]).columns[
        "rooms"
    ]
    assert plan.codes(column).tolist() == [0, 0, 1, 1, 2, -1, -1]
