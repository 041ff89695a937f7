"""ads.txt as it is written: by hand, on every kind of machine.

``ads_txt_vectors.json`` is what the npm package ads.txt 0.4.0 reads from files of the usual shapes.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrtb.ads_txt import AdsTxt, Seller, domain_in, looks_like_a_page, parse_ads_txt

VECTORS = json.loads((Path(__file__).parent / "ads_txt_vectors.json").read_text())
ONE = Seller("ssp.example", "7", "DIRECT")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["file"][:20])
def test_another_implementation_reads_the_same(vector: dict[str, Any]) -> None:
    read = parse_ads_txt(vector["file"].encode())
    theirs = [Seller(system.lower(), account, kind.upper(), by) for system, account, kind, by in vector["records"]]
    assert list(read.sellers) == list(dict.fromkeys(theirs))
    for name, value in vector["variables"].items():
        assert value in read.variables[name.upper()]


@pytest.mark.parametrize(
    "line",
    [
        "ssp.example, 7, DIRECT", "ssp.example,7,direct", "\tssp.example ,\t7 ,  Direct  ", "SSP.Example,7,DIRECT",
        "https://ssp.example/, 7, DIRECT", "ssp.example., 7, DIRECT", "ssp.example, 7, DIRECT # ours",
        "ssp.example, 7, DIRECT; extension=1", "ssp.example\t7\tDIRECT", '"ssp.example, 7, DIRECT'.strip('"'),
        "ssp.example, '7', DIRECT", "\ufeffssp.example, 7, DIRECT", "\u200bssp.example,\u00a07, DIRECT\u200b",
        "ssp.example, 7, DIRECT,", "ssp.example, %37, DIRECT",
    ],
)  # fmt: skip
def test_what_can_only_mean_one_thing_is_taken(line: str) -> None:
    assert parse_ads_txt(f"# head\r{line}\r".encode()).sellers == (ONE,)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ssp.example, 7", "at least three fields"), ("ssp example, 7, DIRECT", "no domain"),
        ("ssp, 7, DIRECT", "no domain"),
        ("ssp.example, , DIRECT", "account is empty"), ("ssp.example, 7, OWNER", "neither DIRECT nor RESELLER"),
        ("ssp.example, 7, ,", "neither DIRECT nor RESELLER"), ("GREETING=hello", "no such variable"),
        ("CONTACT=", "no value"), ("hello", "at least three fields"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_and_left_out(line: str, why: str) -> None:
    read = parse_ads_txt(f"ssp.example, 7, DIRECT\n{line}\n".encode())
    assert read.sellers == (ONE,)
    [problem] = read.problems
    assert (problem.line, problem.text) == (2, line.strip()) and why in problem.why


def test_variables_of_1_1() -> None:
    read = parse_ads_txt(
        b"OwnerDomain=Owner.example\nownerdomain = second.example\nMANAGERDOMAIN=all.example\n"
        b"MANAGERDOMAIN=us.example, us # here\nMANAGERDOMAIN=again.example\nSUBDOMAIN=a.x.example\n"
        b"SUBDOMAIN=not a domain\nINVENTORYPARTNERDOMAIN=p.example\nCONTACT=ads@x.example, by mail\n"
    )
    assert read.owner == "owner.example"
    assert read.managers == {"": "all.example", "US": "us.example"}
    assert (read.subdomains, read.inventory_partners) == (("a.x.example",), ("p.example",))
    assert read.variables["CONTACT"] == ("ads@x.example, by mail",)
    assert not read.declares and not read.problems


def test_a_placeholder_declares_that_nobody_may_sell_and_an_empty_file_nothing() -> None:
    assert parse_ads_txt(b"placeholder.example.com, placeholder, DIRECT, placeholder").declares
    assert not parse_ads_txt(b"").declares and not parse_ads_txt(b"# soon\n").declares


def test_byte_order_marks_and_wide_text() -> None:
    for coding in ("utf-8-sig", "utf-16"):
        assert parse_ads_txt("ssp.example, 7, DIRECT".encode(coding)).sellers == (ONE,)
    assert parse_ads_txt(b"\xff\xfe").sellers == ()
    assert parse_ads_txt(b"ssp.example, \xe9, DIRECT").sellers[0].account == "\ufffd"


@pytest.mark.parametrize(
    ("body", "page"),
    [
        (b"<!DOCTYPE html><html>", True), (b"\xef\xbb\xbf \r\n<HTML>", True), (b"<?xml version='1.0'?>", True),
        (b"# <html>\nssp.example, 7, DIRECT", False), (b"", False), (b"<3 ssp.example", False),
    ],
)  # fmt: skip
def test_pages_are_no_files(body: bytes, page: bool) -> None:
    assert looks_like_a_page(body) is page


def test_domains() -> None:
    assert domain_in(" http://WWW.Bücher.example:80/a ") == "www.xn--bcher-kva.example"
    assert not any(map(domain_in, ("no domain", "localhost", "a..b", "-a.b", "127.0.0.1", "", "//")))


RECORDS = st.lists(
    st.builds(
        Seller,
        st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z]{2,5}){1,2}", fullmatch=True),
        st.text("abcXYZ0189-_.:/+", min_size=1, max_size=12),
        st.sampled_from(("DIRECT", "RESELLER")),
        st.text("0123456789abcdef", max_size=16),
    ),
    unique=True,
)
SPACES = st.text(" \t", max_size=3)


@given(RECORDS, st.data())
def test_what_is_written_is_read_back_whatever_the_spaces(records: list[Seller], data: st.DataObject) -> None:
    lines = []
    for one in records:
        parts = [one.system, one.account, one.relationship, *([one.authority] if one.authority else [])]
        lines.append(data.draw(SPACES) + ",".join(data.draw(SPACES) + part + data.draw(SPACES) for part in parts))
        lines += data.draw(st.lists(st.sampled_from(("", "# remark", "CONTACT=a@b.example")), max_size=2))
    body = data.draw(st.sampled_from(("\n", "\r\n", "\r"))).join(lines)
    assert list(parse_ads_txt(body.encode()).sellers) == records


@given(st.binary(max_size=300) | st.text(max_size=120).map(str.encode))
def test_nothing_makes_it_raise(body: bytes) -> None:
    read = parse_ads_txt(body)
    assert isinstance(read, AdsTxt) and isinstance(read.managers, dict) and isinstance(read.owner, str)
