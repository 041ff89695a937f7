"""GPP strings: the specification's examples, those that the IAB's own library wrote, and what US sections allow."""

import json
from pathlib import Path
from typing import Any

import pytest

from cython_ext.sextets import read_fibonacci
from openrtb.gpp import LAYOUTS, NATIONAL_2, sections, us_choice
from tests.consent_writing import gpc, text_of, us_core

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "consent_gpp.json").read_text())["vectors"]
ONE = [vector for vector in VECTORS if "fields" in vector]
REFUSED = {"O": {1}, "S": {1}, "K": {1, 2}, "P": {1}, "N": {2}, "V": {1}, "W": {2}, "C": set(), "M": set()}


@pytest.mark.parametrize(
    ("value", "code"), [(1, "11"), (2, "011"), (3, "0011"), (4, "1011"), (5, "00011"), (7, "01011")]
)
def test_fibonacci_codes_of_the_specification(value: int, code: str) -> None:
    assert read_fibonacci(text_of("0" + code).encode(), 1) == (value, 1 + len(code))


@pytest.mark.parametrize(
    ("text", "ids"),
    [("DBABM~a", [2]), ("DBACNY~a~b", [2, 6]), ("DBABjw~a~b", [5, 6])],
)
def test_headers_of_the_specification(text: str, ids: list[int]) -> None:
    assert [section for section, _ in sections(text)] == ids


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["text"][:24])
def test_sections_that_another_implementation_wrote(vector: dict[str, Any]) -> None:
    assert [list(section) for section in sections(vector["text"])] == vector["sections"]


KINDS = (
    ("Notice", "N"),
    ("OptOutOptionMode", "M"),
    ("ServiceProviderMode", "V"),
    ("MspaMode", "W"),
    ("CoveredTransaction", "C"),
    ("SensitiveDataProcessing", "S"),
    ("KnownChild", "K"),
    ("OptOut", "O"),
    ("Consent", "P"),
)


def meant(fields: dict[str, Any]) -> str:
    """What the fields say, by their names."""
    for name, value in fields.items():
        if name == "Gpc":
            if value:
                return "opted_out"
        elif name not in ("Version", "MspaVersion", "GpcSegmentType"):
            kind = next(kind for part, kind in KINDS if part in name)
            if REFUSED[kind] & set(value if isinstance(value, list) else [value]):
                return "opted_out"
    return "may_use"


@pytest.mark.parametrize("vector", ONE, ids=lambda vector: f"{vector['id']}-{vector['text'][-9:]}")
def test_choices_that_another_implementation_wrote(vector: dict[str, Any]) -> None:
    assert us_choice(vector["id"], vector["sections"][0][1]) == meant(vector["fields"])


def test_the_vectors_show_every_section_both_ways() -> None:
    assert {vector["id"] for vector in ONE} == set(range(7, 28))
    seen = {(vector["id"], meant(vector["fields"])) for vector in ONE}
    assert seen == {(section, choice) for section in range(7, 28) for choice in ("may_use", "opted_out")}


@pytest.mark.parametrize("section", range(7, 28))
def test_every_field_by_itself(section: int) -> None:
    for layout, version in [(LAYOUTS[section], 1), *([(NATIONAL_2, 2)] if section == 7 else [])]:
        quiet = [0] * len(layout)
        assert us_choice(section, us_core(quiet, version)) == "may_use"
        for place, kind in enumerate(layout.decode()):
            for value in (1, 2, 3):
                fields = [*quiet[:place], value, *quiet[place + 1 :]]
                expected = "unreadable" if value == 3 else "opted_out" if value in REFUSED[kind] else "may_use"
                assert us_choice(section, us_core(fields, version)) == expected, (place, kind, value)


def test_global_privacy_control_is_an_opt_out() -> None:
    core = us_core([0] * len(LAYOUTS[8]))
    assert us_choice(8, f"{core}.{gpc(False)}") == "may_use"
    assert us_choice(8, f"{core}.{gpc(True)}") == "opted_out"
    assert us_choice(8, f"{core}.{text_of('111')}") == "unreadable"  # a subsection of a kind that there is none of
    assert us_choice(26, f"{us_core([0] * 9)}.{text_of('00' * 8)}") == "may_use"
    assert us_choice(26, f"{us_core([0] * 9)}.{text_of('00' * 7 + '01')}") == "opted_out"


@pytest.mark.parametrize(
    "text", ["", ".", "B", "BA", "D" + "A" * 20, "BAAAAAAAAAA.", "BAAAAAAAAAA.QA.QA", "ü", "B AAAAAAAA"]
)
def test_what_is_no_us_section_is_unreadable(text: str) -> None:
    assert us_choice(8, text) == "unreadable"


@pytest.mark.parametrize("section", [0, 5, 28, -1, 99])
def test_there_is_no_such_us_section(section: int) -> None:
    assert us_choice(section, us_core([0] * 30)) == "unreadable"


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        *(("1YNN", "may_use"), ("1---", "may_use"), ("1-N-", "may_use"), ("1ynn", "may_use"), ("1YNY", "may_use")),
        *(
            ("1YYN", "opted_out"),
            ("1YYY", "opted_out"),
            ("1yyn", "opted_out"),
            ("1NNN", "opted_out"),
            ("1-Y-", "opted_out"),
        ),
        *(("", "unreadable"), ("2YNN", "unreadable"), ("1YN", "unreadable"), ("1YNNN", "unreadable")),
        *(("1YXN", "unreadable"), ("YYYY", "unreadable")),
    ],
)
def test_us_privacy(text: str, choice: str) -> None:
    assert us_choice(6, text) == choice


@pytest.mark.parametrize("text", ["", "~", "D", "DBAB", "DCABM~a", "CBABM~a", "DBABM!~a", "DB//A", "ü", "DBABA"])
def test_what_is_no_gpp_string(text: str) -> None:
    with pytest.raises(ValueError, match="must be a GPP string"):
        sections(text)


def test_a_section_can_be_missing() -> None:
    assert sections("DBACNY~a") == [(2, "a"), (6, None)]
    assert sections("DBABM") == [(2, None)]
    assert sections("DBABM~") == [(2, "")]
