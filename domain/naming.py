"""Integer ids of things that have names of their own: sites, apps, persons' keys.

The id is SipHash-2-4 of the UTF-8 text under a fixed public key: every worker on every host computes the same id
without asking anyone, and the analytics store keeps a dictionary table from id to name.
"""

from cython_ext.siphash import siphash24

KEY = b"outbid.names.v1\0"
HASHES = ("email_sha256", "phone_sha256", "national_id_sha256", "card_sha256", "address_sha256")
"""Kinds whose values are SHA-256 in hexadecimal."""
ANY_CASE = ("ifa", *HASHES)
"""Kinds of persons' ids in which upper and lower case mean the same."""


def name_id(name: str) -> int:
    """Unsigned 64-bit id of ``name``; the empty name is 0, which stands for "unknown" everywhere."""
    return siphash24(KEY, name.encode()) if name else 0


def signed(value: int) -> int:
    """The same 64 bits as a signed integer, for stores without an unsigned type (SQLite)."""
    return value - (1 << 64) if value >= 1 << 63 else value


def person_key(kind: str, value: str, owner: str = "") -> int:
    """Key of a person known by one id; an empty ``value`` is nobody's, 0.

    ``owner`` is who gave out an id of the kinds ``buyeruid`` and ``user`` (an exchange), ``eid`` (its ``source``) and
    ``first_party`` (an advertiser). Other kinds are ``ifa``, ``cookie`` (ours), ``device`` (a fingerprint),
    ``account``, ``ip`` (an address or a range, as `targeting.addresses` writes it) and the hashes of `HASHES`.
    Advertising ids (RFC 9562 text form), sources (domains) and hashes are the same in any case of letters, other
    values are not. How people write ids is in `targeting.identity_keys`.
    """
    if not value:
        return 0
    if kind == "eid":
        owner = owner.lower()
    elif kind in ANY_CASE:
        value = value.lower()
    return name_id(f"{kind}:{owner}:{value}" if owner else f"{kind}:{value}")
