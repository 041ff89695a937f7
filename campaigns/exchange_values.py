"""How the fields of an exchange are written in a campaign file: checks that no other thing needs."""

from base64 import b64decode
from decimal import Decimal
from typing import Any, TypeVar, get_args

from msgspec import structs

from campaigns.entry import Wrong
from campaigns.values import Check
from domain.creative import FORMATS, Format, every_format
from domain.exchange import Privacy

T = TypeVar("T")


def by_format(one: Check[T]) -> Check[dict[Format, T]]:
    """One value for all formats, or a mapping from formats to values."""

    def check(value: Any) -> dict[Format, T]:
        if not isinstance(value, dict):
            return every_format(one(value))
        found: dict[Format, T] = {}
        faults: list[tuple[str, object, str]] = []
        for name, given in value.items():
            try:
                if name not in FORMATS:
                    raise Wrong(f"there is no such format; there are {', '.join(FORMATS)}")
                found[name] = one(given)
            except Wrong as wrong:
                faults.append((f".{name}", given, wrong.allowed))
        if faults or not value:
            raise Wrong("it must name at least one format", *faults)
        return {name: found[name] for name in FORMATS if name in found}

    return check


def privacy(value: Any) -> Privacy:
    """A mapping from privacy signals to what they leave; those that are not named leave what they do by default."""
    known = {f.name: get_args(f.type) for f in structs.fields(Privacy)}
    if not isinstance(value, dict):
        raise Wrong(f"it must be a mapping from {', '.join(known)} to what they leave")
    faults: list[tuple[str, object, str]] = []
    for name, left in value.items():
        if name not in known:
            faults.append((f".{name}", left, f"there is no such signal; there are {', '.join(known)}"))
        elif left not in known[name] or not isinstance(left, str):
            faults.append((f".{name}", left, f"it must be {' or '.join(map(repr, known[name]))}"))
    if faults:
        raise Wrong("", *faults)
    return Privacy(**value)


def macro(value: Any) -> str:
    """What an exchange replaces: printable ASCII without quotes and spaces. Empty: there is none."""
    if not isinstance(value, str) or len(value) > 64 or not value.isascii() or any(c in value for c in " \"'<>\\&"):
        raise Wrong("it must be a macro such as '${AUCTION_PRICE}', of at most 64 characters of ASCII without quotes")
    if not value.isprintable():
        raise Wrong("it must be printable")
    return value


def json_object(value: Any) -> dict[str, Any]:
    """A mapping that becomes JSON as it is; exact decimals become numbers."""
    if not isinstance(value, dict):
        raise Wrong("it must be a mapping")
    plain: dict[str, Any] = _plain(value)
    if len(str(plain)) > 2048:
        raise Wrong("it must be of at most 2048 characters")
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return float(value) if isinstance(value, Decimal) else value


def price_key(value: Any) -> str:
    """Base64 of 64 bytes: an encryption key and an integrity key."""
    try:
        if not isinstance(value, str) or len(b64decode(value, altchars=b"-_", validate=True)) != 64:
            raise ValueError
    except ValueError:
        raise Wrong("it must be 64 bytes in web-safe base64: the encryption key, then the integrity key") from None
    return value
