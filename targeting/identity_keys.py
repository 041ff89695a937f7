"""How a person is written, in audience files and on the command line: ``KIND:VALUE``, for every kind of id.

What is written becomes the 64-bit key of `domain.naming.person_key`, the same that a bid request, a cookie sync or a
pixel with this id has. E-mail addresses and telephone numbers are normalised and hashed here, as UID2 and the customer
lists of the large platforms have it (https://unifiedid.com/docs/getting-started/gs-normalization-encoding), so that
`email` and `email_sha256` of one address are one key; so are national ids and the numbers of cards. None of them is
kept, logged or quoted in an error.
"""

import base64
import binascii
import re
from collections.abc import Callable, Collection
from hashlib import sha256

from domain.naming import HASHES, person_key
from targeting.addresses import read_range

IFAS = ("ifa", "idfa", "aaid", "oaid")
"""``device.ifa`` holds any of them and does not say which, so they are one kind."""
SOURCES = {"uid2": "uidapi.com", "euid": "euid.eu", "id5": "id5-sync.com", "rampid": "liveramp.com"}
"""Kinds of eids that have a name of their own, and the ``source`` that OpenRTB requests give them."""
OWNED = ("buyeruid", "user", "eid", "first_party")
"""Kinds that are written ``KIND:OWNER:VALUE``: an exchange, an eid's source or an advertiser gave out the id."""
RAW = {"email": "email_sha256", "phone": "phone_sha256", "national_id": "national_id_sha256", "card": "card_sha256"}
"""Kinds that are hashed at the door, and what they become."""
PLAIN = ("cookie", "device", "account")
"""Kinds whose values are taken as they are."""
KINDS = frozenset((*IFAS, *SOURCES, *OWNED, *RAW, *HASHES, *PLAIN, "ip", "key"))

FORMS = (
    "a person is written ifa:VALUE (idfa, aaid and oaid are the same), buyeruid:EXCHANGE:VALUE, user:EXCHANGE:VALUE, "
    "eid:SOURCE:VALUE, uid2:VALUE, euid:VALUE, id5:VALUE, rampid:VALUE, email:ADDRESS, email_sha256:HASH, "
    "phone:+NUMBER, phone_sha256:HASH, national_id:VALUE, national_id_sha256:HASH, card:NUMBER, card_sha256:HASH, "
    "address_sha256:HASH, device:FINGERPRINT, account:VALUE, ip:ADDRESS, ip:RANGE, first_party:ADVERTISER:VALUE, "
    "cookie:VALUE or key:16 HEXADECIMAL DIGITS"
)
MAX_VALUE = 1_024
"""Characters; encrypted eids have some hundred."""
SHOWN = 80

_SHA256_OF_NOTHING = sha256(b"").digest()
_ADDRESS = re.compile(rb"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_TELEPHONE = re.compile(r"[0-9][-0-9 ()./]{4,}[0-9]")
_NATIONAL_ID = re.compile(r"[0-9A-Z]{4,32}")
_CARD = re.compile(r"[0-9]{12,19}")
_KEY = re.compile(r"[0-9a-fA-F]{16}")


def parse_person(
    text: str, exchanges: Collection[str] | None = None, advertisers: Collection[str] | None = None
) -> int:
    """Key of the person written ``text``. Raises ValueError saying what is wrong, without the value; an exchange that
    is none of ``exchanges``, if these are given, is wrong too, and an advertiser that is none of ``advertisers``.
    """
    kind, _, value = text.partition(":")
    owner = ""
    if kind in SOURCES:
        kind, owner = "eid", SOURCES[kind]
    elif kind in OWNED:
        owner, _, value = value.partition(":")
        _check_owner(kind, owner, exchanges, advertisers)
    elif kind in IFAS:
        kind = "ifa"
    elif kind in RAW:
        kind, value = RAW[kind], _HASHED[kind](value).hex()
    elif kind in HASHES:
        value = read_hash(value).hex()
    elif kind == "key":
        return _read_key(value)
    elif kind == "ip":
        return read_range(value).key
    elif kind not in PLAIN:
        raise ValueError(FORMS)
    if not value or len(value) > MAX_VALUE or not value.isprintable() or " " in value:
        raise ValueError(f"an id has 1 to {MAX_VALUE} printable characters without spaces; {FORMS}")
    if kind == "ifa" and not value.strip("0-"):
        raise ValueError("an advertising id of zeros is what people who opted out have in common")
    if "@" in value and _ADDRESS.fullmatch(value.encode()):
        raise ValueError("this id is an e-mail address: write it as email:ADDRESS, and it is hashed")
    if _NUMBER.fullmatch(value):
        raise ValueError("this id is a telephone number: write it as phone:NUMBER, and it is hashed")
    return person_key(kind, value, owner)


def written_key(key: int) -> str:
    """A key as people read it, and as `parse_person` takes it."""
    return f"key:{key:016x}"


def shown(text: str) -> str:
    """As much of a written person as may be shown to whoever reads an error or a log: nothing of what is, or may be
    meant as, an e-mail address, a telephone number or a number of an account, a card or a register of people.
    """
    kind, colon, _ = text.partition(":")
    known = bool(colon) and kind in KINDS
    if (
        "@" in text
        or (known and (kind in RAW or kind == "account"))
        or (not known and (_TELEPHONE.search(text) or kind.lower() in RAW))
    ):
        return f"{kind}:…" if known else "…"
    return text[:SHOWN]


def normalised_email(address: str) -> bytes:
    """As UID2 normalises an address before it is hashed: without blanks around it, ASCII letters lower-case; of an
    address at gmail.com, the name without its dots and without what follows a plus sign.

    Raises ValueError for what is no address.
    """
    plain = address.strip().encode().lower()  # of bytes, ``lower`` is of ASCII letters only
    if len(plain) > 254 or not _ADDRESS.fullmatch(plain):  # RFC 5321, 4.5.3.1.3
        raise ValueError("an e-mail address is written NAME@DOMAIN")
    name, _, domain = plain.rpartition(b"@")
    if domain == b"gmail.com":
        name = name.partition(b"+")[0].replace(b".", b"")
        if not name:
            raise ValueError("an e-mail address is written NAME@DOMAIN")
    return name + b"@" + domain


def normalised_phone(number: str) -> str:
    """A telephone number in the form of E.164: a plus sign, the country code and the rest, in digits alone.

    Raises ValueError for what is none: without its country code a number could be somebody else's in another country.
    """
    plain = re.sub(r"[-\s().]", "", number)
    if "(0)" in number or not _NUMBER.fullmatch(plain):
        raise ValueError(
            "a telephone number is written as E.164 has it: a plus sign, the country code (never 0) and the number "
            "without the zero dialled within the country, 7 to 15 digits"
        )
    return plain


def normalised_national_id(number: str) -> str:
    """A number in a register of people, as it is hashed: without blanks, hyphens, dots and slashes, ASCII letters
    upper-case. Raises ValueError for what is none.
    """
    plain = re.sub(r"[-\s./]", "", number).upper()
    if not _NATIONAL_ID.fullmatch(plain):
        raise ValueError("a national id has 4 to 32 digits and letters from A to Z")
    return plain


def normalised_card(number: str) -> str:
    """The number on a payment card in digits alone. Raises ValueError for what is none: 12 to 19 digits (ISO/IEC 7812),
    the last of which proves the others (Luhn's formula).
    """
    plain = re.sub(r"[-\s]", "", number)
    if not _CARD.fullmatch(plain) or not _proven(plain):
        raise ValueError("a card's number has 12 to 19 digits, and the last proves the others")
    return plain


def email_hash(address: str) -> bytes:
    """SHA-256 of a normalised address, 32 bytes. Raises ValueError as `normalised_email`."""
    return sha256(normalised_email(address)).digest()


def phone_hash(number: str) -> bytes:
    """SHA-256 of a normalised telephone number, 32 bytes. Raises ValueError as `normalised_phone`."""
    return sha256(normalised_phone(number).encode()).digest()


_HASHED: dict[str, Callable[[str], bytes]] = {
    "email": email_hash,
    "phone": phone_hash,
    "national_id": lambda text: sha256(normalised_national_id(text).encode()).digest(),
    "card": lambda text: sha256(normalised_card(text).encode()).digest(),
}


def read_hash(text: str) -> bytes:
    """A SHA-256 as others write it, in hexadecimal (any case) or Base64 (either alphabet, with padding or without).

    Raises ValueError.
    """
    try:
        if len(text) == 64:
            digest = bytes.fromhex(text)
        else:
            plain = text.rstrip("=").translate(str.maketrans("-_", "+/"))
            digest = base64.b64decode(plain + "=", validate=True) if len(plain) == 43 else b""
    except (ValueError, binascii.Error):
        digest = b""
    if len(digest) != 32:
        raise ValueError("a SHA-256 is 64 hexadecimal digits, or 32 bytes in Base64 (43 characters and =)")
    if digest == _SHA256_OF_NOTHING:
        raise ValueError("this is the SHA-256 of an empty text, which everybody without an address has in common")
    return digest


def _proven(digits: str) -> bool:
    """Every second digit from the right is doubled; the sum of all digits is a multiple of 10."""
    total = sum(int(digit) for digit in digits[-1::-2])
    return (total + sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])) % 10 == 0


def _check_owner(kind: str, owner: str, exchanges: Collection[str] | None, advertisers: Collection[str] | None) -> None:
    if kind == "eid":
        if not owner:
            raise ValueError(f"an eid has a source, such as uidapi.com; {FORMS}")
    elif kind == "first_party":
        if not owner or (advertisers is not None and owner not in advertisers):
            raise ValueError(f"no advertiser {shown(owner)!r}; {FORMS}")
    elif not owner or (exchanges is not None and owner not in exchanges):
        raise ValueError(f"no exchange {shown(owner)!r}; {FORMS}")


def _read_key(value: str) -> int:
    if not _KEY.fullmatch(value) or not (key := int(value, 16)):
        raise ValueError(f"a key has 16 hexadecimal digits, not all 0; {FORMS}")
    return key
