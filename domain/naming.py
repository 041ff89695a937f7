"""Integer ids of things that have names of their own: sites, apps, persons' keys.

The id is SipHash-2-4 of the UTF-8 text under a fixed public key: every worker on every host computes the same id
without asking anyone, and the analytics store keeps a dictionary table from id to name.
"""

from cython_ext.siphash import siphash24

KEY = b"outbid.names.v1\0"


def name_id(name: str) -> int:
    """Unsigned 64-bit id of ``name``; the empty name is 0, which stands for "unknown" everywhere."""
    return siphash24(KEY, name.encode()) if name else 0


def signed(value: int) -> int:
    """The same 64 bits as a signed integer, for stores without an unsigned type (SQLite)."""
    return value - (1 << 64) if value >= 1 << 63 else value


def person_key(kind: str, value: str, exchange: str = "") -> int:
    """Key of a person: ``kind`` is ``ifa`` (global) or ``buyeruid``/``user`` (known to one exchange only).

    The written form, as used in audience files, is ``ifa:VALUE``, ``buyeruid:EXCHANGE:VALUE`` or
    ``user:EXCHANGE:VALUE``. Advertising ids are case-insensitive (RFC 9562 text form) and are lowered first.
    """
    if not value:
        return 0
    return name_id(f"ifa:{value.lower()}" if kind == "ifa" else f"{kind}:{exchange}:{value}")
