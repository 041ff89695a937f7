"""How the fields of an exchange are written in a campaign file: checks that no other thing needs."""

import re
from base64 import b64decode
from decimal import Decimal
from typing import Any, TypeVar, get_args
from urllib.parse import urlsplit

from msgspec import structs

from campaigns.values import Check, choice, https_url
from domain.creative import FORMATS, Format, every_format
from domain.entry import Wrong
from domain.exchange import SYNC_MACROS, Privacy, UserSync

T = TypeVar("T")
_MACRO = re.compile(r"\$\{([A-Z_]+)\}")


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


def user_sync(value: Any) -> UserSync:
    """URLs with macros of `domain.exchange.SYNC_MACROS`, and as what the exchange's id comes in bid requests."""
    checks: dict[str, Check[str]] = {
        "match": sync_url(needs_uid=True),
        "answer": sync_url(needs_uid=False),
        "uid": choice("user", "buyeruid"),
    }
    if not isinstance(value, dict):
        raise Wrong(f"it must be a mapping with the fields {', '.join(checks)}")
    faults: list[tuple[str, object, str]] = []
    found: dict[str, Any] = {}
    for name, given in value.items():
        try:
            if name not in checks:
                raise Wrong(f"there is no such field; the fields here are {', '.join(checks)}")
            found[name] = checks[name](given)
        except Wrong as wrong:
            faults.append((f".{name}", given, wrong.allowed))
    if faults:
        raise Wrong("", *faults)
    return UserSync(**found)


def sync_url(*, needs_uid: bool) -> Check[str]:
    """An HTTPS URL, whose macros stand behind its host."""

    def check(value: Any) -> str:
        url = https_url(_MACRO.sub("0", value) if isinstance(value, str) else value)
        names = _MACRO.findall(value)
        unknown = sorted(set(names) - set(SYNC_MACROS))
        if unknown or "$" in url or "{" in url:
            raise Wrong(f"its macros must be of {', '.join(f'${{{name}}}' for name in SYNC_MACROS)}")
        if urlsplit(_MACRO.sub("a", value)).netloc != urlsplit(_MACRO.sub("b", value)).netloc:
            raise Wrong("its host must be the same for everybody: macros stand behind it")
        if needs_uid and "UID" not in names:
            raise Wrong("it must have the macro ${UID} for our id")
        return str(value)

    return check


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
