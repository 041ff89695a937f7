"""Encrypted prices: the published examples, an exchange's own way of writing them, and everything that is none."""

from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrtb.price_encryption import PriceKeys, Unreadable
from simulator.sealed_price import encrypt

ENCRYPTION, INTEGRITY = "skU7Ax_NL5pPAFyKdkfZjZz2-VhIN8bjj1rVFOaJ_5o=", "arO23ykdNqUQ5LEoQ0FVmPkBd7xB5CO89PDZlSjpFxo="
KEY = urlsafe_b64encode(urlsafe_b64decode(ENCRYPTION) + urlsafe_b64decode(INTEGRITY)).decode()
KEYS = PriceKeys.read(KEY)
EXAMPLES = [
    ("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw", 100),
    ("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCAWJRxOgA", 1900),
    ("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemC32prpWWw", 2700),
]
"""Of Google's documentation, https://developers.google.com/authorized-buyers/rtb/response-guide/decrypt-price"""


@pytest.mark.parametrize(("text", "cpm_micros"), EXAMPLES)
def test_the_published_examples(text: str, cpm_micros: int) -> None:
    assert KEYS.decrypt(text) == KEYS.decrypt(f" {text}== ") == cpm_micros
    assert encrypt(cpm_micros, KEY, b"abc123def456ghi7") == text


@given(st.integers(0, 2**64 - 1), st.binary(min_size=16, max_size=16), st.binary(min_size=64, max_size=64))
def test_what_the_exchange_writes_is_read(cpm_micros: int, iv: bytes, keys: bytes) -> None:
    key = urlsafe_b64encode(keys).decode()
    text = encrypt(cpm_micros, key, iv)
    assert len(text) == 38
    assert PriceKeys.read(key).decrypt(text) == cpm_micros


@given(st.integers(0, 27), st.integers(1, 255))
def test_one_altered_byte_is_no_price(place: int, change: int) -> None:
    sealed = bytearray(urlsafe_b64decode(EXAMPLES[0][0] + "=="))
    sealed[place] ^= change
    with pytest.raises(Unreadable, match="signature"):
        KEYS.decrypt(urlsafe_b64encode(sealed).decode().rstrip("="))


def test_the_keys_of_another_exchange_read_nothing() -> None:
    other = PriceKeys(KEYS.integrity, KEYS.encryption)
    with pytest.raises(Unreadable):
        other.decrypt(EXAMPLES[0][0])


@pytest.mark.parametrize("text", ["", "1.5", "A", "A" * 37, "A" * 40, "пять", "${AUCTION_PRICE}", "+/" * 19])
def test_anything_else_is_no_price(text: str) -> None:
    with pytest.raises(Unreadable):
        KEYS.decrypt(text)


def test_keys_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes together"):
        PriceKeys.read(b64encode(bytes(32)).decode())
