"""SipHash-2-4 against the reference vectors of its authors (Aumasson and Bernstein, vectors.h), as 64-bit numbers."""

import pytest

from cython_ext.siphash import siphash24

KEY = bytes(range(16))
VECTORS = {
    0: 0x726FDB47DD0E0E31,
    1: 0x74F839C593DC67FD,
    7: 0xAB0200F58B01D137,
    8: 0x93F5F5799A932462,
    15: 0xA129CA6149BE45E5,
    63: 0x958A324CEB064572,
}


@pytest.mark.parametrize(("length", "expected"), VECTORS.items())
def test_reference_vectors(length: int, expected: int) -> None:
    assert siphash24(KEY, bytes(range(length))) == expected


@pytest.mark.parametrize("length", range(40))
def test_lower_case_is_of_ascii_letters_alone(length: int) -> None:
    for first in range(256):
        data = bytes((first + 7 * place) & 0xFF for place in range(length))
        assert siphash24(KEY, data, lower=True) == siphash24(KEY, data.lower())


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="15 bytes"):
        siphash24(KEY[1:], b"")
