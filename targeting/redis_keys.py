"""Where what is known of a person, device or household lies in Redis, by its key (8 bytes, big-endian)."""


def record_key(key: int) -> bytes:
    """The record. In a cluster's slot by what stands in braces, so that what else begins so is in the same."""
    return b"{p%b}" % key.to_bytes(8, "big")


def holds_key(key: int) -> bytes:
    """Bids in flight, beside the record (`targeting.redis_holds`)."""
    return record_key(key) + b"h"


def part_key(key: int) -> bytes:
    """What was learnt under this key, if it is one of several of a person (`targeting.redis_identity`)."""
    return b"q" + key.to_bytes(8, "big")


def edges_key(key: int) -> bytes:
    """The joins of this key with others."""
    return b"e" + key.to_bytes(8, "big")
