"""The context of a bid: one word, the same in token and log, and the same as plain Python packs from the request."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bidder.context_word import word_of
from bidder.enrichment.device import OS
from domain.context_word import MOST, Context, Place, System, country_code, country_number, pack, unpack
from domain.creative import FORMATS
from domain.events import Bid, Kind
from domain.naming import name_id
from openrtb.request import Request
from tests.auction_table import SEALER, Table
from tests.unit.bidder.test_answer import REQUEST

SYSTEMS = {system.name.lower(): system for system in System}


@given(
    st.one_of(st.from_regex(r"\A[A-Za-z]{3}\Z"), st.text(max_size=4)),
    st.sampled_from(["", *sorted(set(OS.values())), "another"]),
    st.integers(-2, 20),
)
@example("\ud800US", "", 1)
@example("ΑΑΑ", "ios", 1)
def test_the_kernel_packs_as_plain_python(country: str, os: str, device_type: int) -> None:
    request = Request()
    request.set_geo(country, 0, 0, 0)
    request.set_device(name_id(os), 0, device_type)
    told = country.upper() if re.fullmatch("[A-Za-z]{3}", country) else ""
    known = device_type if 0 < device_type < 16 else 0
    system = SYSTEMS.get(os, System.OTHER) if os else System.UNKNOWN
    assert unpack(word_of(request)) == Context(told, known, system)
    assert word_of(request) == pack(Context(told, known, system))


@given(st.integers(0, MOST))
def test_a_word_is_the_parts_that_it_is_unpacked_to(word: int) -> None:
    parts = unpack(word)
    assert unpack(pack(parts)) == parts
    if (word >> 19 & 15) in System.__members__.values() and country_number(
        country_code(word & 0x7FFF)
    ) == word & 0x7FFF:
        assert word >> 25 > len(FORMATS) or pack(parts) == word


def test_countries_have_numbers_of_their_own() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    codes = [a + b + c for a in letters for b in letters for c in letters]
    numbers = [country_number(code) for code in codes]
    assert len(set(numbers)) == 26**3 and min(numbers) > 0 and max(numbers) < 1 << 15
    assert [country_code(number) for number in numbers] == codes
    assert country_number("USA") == (21 * 27 + 19) * 27 + 1


@pytest.mark.parametrize(
    ("change", "context"),
    [
        ({}, Context("USA", 2, System.WINDOWS, Place.SITE, "banner")),
        ({"device": {"os": "iPadOS", "devicetype": 5, "geo": {"country": "USA"}}},
         Context("USA", 5, System.IOS, Place.SITE, "banner")),
        ({"site": None, "app": {"bundle": "com.example.app"},
          "device": {"os": "Plan 9", "devicetype": 1, "geo": {"country": "USA"}}},
         Context("USA", 1, System.OTHER, Place.APP, "banner")),
    ],
)  # fmt: skip
def test_token_and_log_say_the_same(change: Mapping[str, Any], context: Context) -> None:
    request = {name: value for name, value in {**REQUEST, **change}.items() if value is not None}
    table = Table()
    bid = table.decide(request, "usx")["seatbid"][0]["bid"][0]
    token = SEALER.open(bid["nurl"].partition("/win/")[2][:155], Kind.WIN)
    logged = next(event for event in table.events() if isinstance(event, Bid))
    assert unpack(token.context) == context
    assert logged.context == token.context
