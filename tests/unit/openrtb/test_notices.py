"""Macro values as exchanges really send them."""

from base64 import b64encode, urlsafe_b64encode
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrtb.notices import (
    Price,
    PriceKind,
    cost_nanos,
    from_base64,
    read_currency,
    read_loss_reason,
    read_millionths,
    read_multiplier,
    read_price,
    read_time_ms,
)


@pytest.mark.parametrize(
    ("text", "cpm_micros"),
    [
        ("1.25", 1_250_000),
        ("0", 0),
        ("0.000001", 1),
        ("3", 3_000_000),
        ("3.", 3_000_000),
        (".5", 500_000),
        ("1e-3", 1_000),
        (" 2.5 ", 2_500_000),
        ("0.0000005", 0),  # half-even at the micro
        ("0.0000015", 2),
    ],
)
def test_a_price_told(text: str, cpm_micros: int) -> None:
    assert read_price(text) == Price(PriceKind.TOLD, cpm_micros)


@pytest.mark.parametrize("text", ["AUDIT", "audit", " Audit "])
def test_audit(text: str) -> None:
    assert read_price(text) == Price(PriceKind.AUDIT)


@pytest.mark.parametrize(
    "text",
    [None, "", "  ", "${AUCTION_PRICE}", "${AUCTION_PRICE:B64}", "-1", "+1", "1,5", "NaN", "inf", "1_000", "1e99", "٣",
     "0x10", "9" * 40, "1.2.3", "AUDITED"],
)  # fmt: skip
def test_no_price(text: str | None) -> None:
    assert read_price(text) == Price(PriceKind.NONE)


@pytest.mark.parametrize(
    ("text", "currency"), [("usd", "USD"), (" CNY ", "CNY"), ("", ""), (None, ""), ("${AUCTION_CURRENCY}", "")]
)
def test_currency(text: str | None, currency: str) -> None:
    assert read_currency(text) == currency


@pytest.mark.parametrize(
    ("text", "reason"), [("102", 102), ("0", 0), ("", 0), (None, 0), ("${AUCTION_LOSS}", 0), ("-3", 0), ("9" * 30, 0)]
)
def test_loss_reason(text: str | None, reason: int) -> None:
    assert read_loss_reason(text) == reason


@pytest.mark.parametrize(
    ("text", "value"), [("MS4yNQ==", "1.25"), ("MS4yNQ", "1.25"), ("QVVESVQ=", "AUDIT"), ("", ""), (None, ""),
                        ("${AUCTION_PRICE:B64}", ""), ("!", ""), ("/w==", "")]
)  # fmt: skip
def test_a_value_behind_base64_is_read_in_either_alphabet(text: str | None, value: str) -> None:
    assert from_base64(text) == value
    if value:
        assert from_base64(b64encode(value.encode()).decode()) == value
        assert from_base64(urlsafe_b64encode(value.encode()).decode().rstrip("=")) == value


@given(st.integers(0, 10**10), st.decimals("0.000001", "1000000", places=6), st.integers(0, 10**6))
def test_a_cost_is_exact_and_rounded_once(cpm_micros: int, multiplier: Decimal, fee_ppm: int) -> None:
    """Against decimal arithmetic with more digits than the result has."""
    with localcontext() as context:
        context.prec = 60
        exact = cpm_micros * multiplier * (1_000_000 + fee_ppm) / Decimal(1_000_000)
        assert cost_nanos(cpm_micros, multiplier, fee_ppm) == int(exact.to_integral_value(ROUND_HALF_EVEN))


def test_half_a_nano_goes_to_the_even_one() -> None:
    assert [cost_nanos(n, Decimal("0.5"), 0) for n in (1, 3, 5)] == [0, 2, 2]


@pytest.mark.parametrize("text", ["", None, "0", "-1", "1e9", "1000001", "NaN", "${AUCTION_MULTIPLIER}", "twelve"])
def test_what_is_no_number_of_impressions_is_not_told(text: str | None) -> None:
    assert read_multiplier(text) is None


def test_ratios_and_times_are_read_or_not_told() -> None:
    assert read_millionths("0.6154321") == 615_432 and read_millionths("12.5", 100) == 125_000
    assert [read_millionths(text) for text in ("", None, "-1", "9e9", "${AUCTION_MBR}")] == [0] * 5
    assert read_time_ms("1795521600123") == 1795521600123
    assert [read_time_ms(text) for text in ("", None, "12", "1795521600123456789", "x")] == [0] * 5
