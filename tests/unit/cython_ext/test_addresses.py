"""Where bytes lie in memory."""

import ctypes

from cython_ext.addresses import page_of


def test_page_of() -> None:
    data = (ctypes.c_char * 10_000)()
    whole = memoryview(data).cast("B")
    first = ctypes.addressof(data) >> 12
    assert page_of(whole) == first
    assert page_of(whole[8_192:]) == first + 2
    assert page_of(whole, 1) == ctypes.addressof(data) >> 1
    assert page_of(b"") == 0
