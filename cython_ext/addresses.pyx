"""Where bytes lie in memory."""

from libc.stdint cimport uintptr_t


def page_of(const unsigned char[::1] data not None, int page_bits=12) -> int:
    """Number of the memory page (of ``2 ** page_bits`` bytes) that the first byte lies on; 0 for no bytes."""
    return (<uintptr_t>&data[0]) >> page_bits if data.shape[0] else 0
