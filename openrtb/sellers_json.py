"""sellers.json: whom an advertising system pays for inventory (IAB Tech Lab, sellers.json 1.0).

Read leniently, as files are: ids as numbers, types in any case, flags as texts. A seller without an id is left out and
counted; one whose type cannot be read is taken for ``BOTH``, which promises the least.
"""

from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

from openrtb.ads_txt import domain_in, text_of

SellerType = Literal["PUBLISHER", "INTERMEDIARY", "BOTH"]
TYPES: dict[str, SellerType] = {name: name for name in get_args(SellerType)}


class Unreadable(ValueError):
    """It is no sellers.json; the text says why."""


class Seller(Struct, frozen=True):
    """An account of the advertising system."""

    id: str
    """As in ``publisher.id`` and in the chain's ``sid``."""
    type: SellerType
    domain: str = ""
    """Business domain, empty if confidential or not told; for a publisher it is the OWNERDOMAIN of its ads.txt."""
    name: str = ""
    confidential: bool = False
    passthrough: bool = False


class SellersJson(Struct, frozen=True):
    """A file, in its order."""

    sellers: tuple[Seller, ...]
    contact_email: str = ""
    version: str = ""
    left_out: int = 0
    """Entries without an id that can be used."""


class _Entry(Struct):
    seller_id: str | int | float | None = None
    seller_type: Any = None
    domain: Any = None
    name: Any = None
    is_confidential: Any = None
    is_passthrough: Any = None


class _File(Struct):
    sellers: list[Any]
    contact_email: Any = None
    version: Any = None


def parse_sellers_json(body: bytes) -> SellersJson:
    """Raises `Unreadable`."""
    try:
        file = msgspec.json.decode(text_of(body), type=_File)
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from None
    except RecursionError:
        raise Unreadable("it is nested too deep") from None
    sellers = [seller for entry in file.sellers if (seller := _seller(entry)) is not None]
    return SellersJson(tuple(sellers), _text(file.contact_email), _text(file.version), len(file.sellers) - len(sellers))


def _seller(entry: object) -> Seller | None:
    try:
        found = msgspec.convert(entry, _Entry)
    except msgspec.ValidationError:
        return None
    id_ = found.seller_id
    if isinstance(id_, float):
        id_ = int(id_) if id_.is_integer() else None
    named = str(id_).strip() if id_ is not None else ""
    if not named:
        return None
    return Seller(
        named,
        TYPES.get(_text(found.seller_type).upper(), "BOTH"),
        domain_in(_text(found.domain)),
        _text(found.name),
        _flag(found.is_confidential),
        _flag(found.is_passthrough),
    )


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _flag(value: object) -> bool:
    return _text(value).lower() in ("1", "true", "1.0")
