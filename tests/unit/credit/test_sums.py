"""Sums of money out of JSON: what was written, to the last digit."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit.sums import nanos_of
from domain.errors import Refused
from tests.examples import examples


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 10**15 - 1), st.integers(0, 9))
def test_up_to_fifteen_digits_are_exact(digits: int, decimals: int) -> None:
    written = Decimal(digits).scaleb(-decimals)
    if written <= 10**9:
        assert nanos_of(msgspec.json.decode(f"{written:f}", type=float)) == int(written.scaleb(9))


def test_what_is_beyond_the_ninth_decimal_is_rounded_and_what_is_no_sum_refused() -> None:
    assert [nanos_of(amount) for amount in (123456789.12, 1e-10, 0.1 + 0.2, 1.5e-9, 1e9)] == [
        123_456_789_120_000_000, 0, 300_000_000, 2, 10**18,
    ]  # fmt: skip
    for amount in (1.1e9, 1e300, float("inf"), float("nan")):
        with pytest.raises(Refused, match="fee: "):
            nanos_of(amount, "fee")
