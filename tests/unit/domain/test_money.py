"""Money: exact in, exact out, and refused where it could not be exact."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import (
    RATE_UNIT,
    MoneyError,
    convert,
    convert_up,
    format_cpm,
    format_nanos,
    parse_cpm,
    parse_nanos,
)

amounts = st.integers(0, 10**17)
rates = st.integers(1, 10**13)


@pytest.mark.parametrize(
    ("text", "nanos"),
    [("12.34", 12_340_000_000), (0.1, 100_000_000), (5, 5_000_000_000), ("-1.000000001", -1_000_000_001), ("0", 0)],
)
def test_amounts(text, nanos) -> None:
    assert parse_nanos(text) == nanos


@pytest.mark.parametrize(
    "text", ["", "abc", "NaN", "Infinity", "0.0000000001", "1e12", "1_0x", "1e9999999", "-1e9999999", "1e-9999999"]
)
def test_refused_amounts(text) -> None:
    with pytest.raises(MoneyError, match=r"is|has"):
        parse_nanos(text)


@given(st.integers(-(10**18), 10**18))
def test_amounts_come_back(nanos: int) -> None:
    assert parse_nanos(format_nanos(nanos)) == nanos


@given(st.integers(0, 10**12))
def test_cpms_come_back(micros: int) -> None:
    assert parse_cpm(format_cpm(micros)) == micros
    assert Decimal(format_cpm(micros)) * 1_000_000 == micros


def test_a_cpm_in_micros_is_an_impression_in_nanos() -> None:
    assert parse_cpm("2.5") == parse_nanos("0.0025")


@pytest.mark.parametrize(
    ("text", "places", "shown"), [(1_005_000_000, 2, "1.00"), (1_015_000_000, 2, "1.02"), (-5, 2, "-0.00")]
)
def test_statements_round_half_even(text, places, shown) -> None:
    assert format_nanos(text, places) == shown


@given(amounts, rates)
def test_conversion_is_half_even(nanos: int, rate: int) -> None:
    assert convert(nanos, rate) == round(Fraction(nanos * rate, RATE_UNIT))


@given(amounts, rates)
def test_conversion_up_is_the_least_that_covers(nanos: int, rate: int) -> None:
    covered = convert_up(nanos, rate)
    assert (covered - 1) * RATE_UNIT < nanos * rate <= covered * RATE_UNIT
    assert covered >= convert(nanos, rate)
