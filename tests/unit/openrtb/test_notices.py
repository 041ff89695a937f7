"""Macro values as exchanges really send them."""

import pytest

from openrtb.notices import Price, PriceKind, read_currency, read_loss_reason, read_price


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
