"""Values of categories: 32-bit hashes of ids and of text, the same for whoever trains and whoever serves."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t, uint64_t

import numpy as np

from cython_ext.siphash cimport siphash

cdef uint64_t KEY0 = 0x6F75746269642066, KEY1 = 0x6561747572657631  # for ever: models keep what was hashed with it


cdef uint32_t category_of_text(const unsigned char *data, Py_ssize_t length) noexcept nogil:
    cdef uint32_t low = <uint32_t>siphash(KEY0, KEY1, data, length)
    return low if low else 1


def id_category(uint64_t number):
    """Of an unsigned 64-bit id."""
    return category_of_id(number)


def text_category(bytes text not None):
    """Of UTF-8, or of any bytes."""
    return category_of_text(<const unsigned char *>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))


def id_categories(const uint64_t[::1] numbers not None):
    """`id_category` of each: uint32 (n)."""
    made = np.empty(numbers.shape[0], np.uint32)
    cdef uint32_t[::1] out = made
    cdef Py_ssize_t i
    with nogil:
        for i in range(numbers.shape[0]):
            out[i] = category_of_id(numbers[i])
    return made


def text_categories(texts):
    """`text_category` of each, of which an empty one is missing (0): uint32 (n). ``texts`` are str or bytes."""
    made = np.empty(len(texts), np.uint32)
    cdef uint32_t[::1] out = made
    cdef Py_ssize_t i = 0
    cdef bytes raw
    for text in texts:
        raw = text.encode() if isinstance(text, str) else text
        out[i] = text_category(raw) if raw else 0
        i += 1
    return made


def crossed_categories(const uint32_t[::1] first not None, const uint32_t[::1] second not None):
    """The values of a cross: uint32 (n)."""
    if first.shape[0] != second.shape[0]:
        raise ValueError(f"a cross of {first.shape[0]} and {second.shape[0]} values")
    made = np.empty(first.shape[0], np.uint32)
    cdef uint32_t[::1] out = made
    cdef Py_ssize_t i
    with nogil:
        for i in range(first.shape[0]):
            out[i] = crossed(first[i], second[i])
    return made
