"""Checks of single values in a campaign file. Each returns the value as Outbid keeps it, or raises `Wrong`."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import pycountry

from domain.clock import SECOND
from domain.entry import Wrong
from domain.money import NANOS, RATE_UNIT, MoneyError, parse_nanos
from openrtb.marks import has_mark

T = TypeVar("T")
Check = Callable[[Any], T]

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})+")
_CATEGORY = re.compile(r"IAB(?:[1-9]|1[0-9]|2[0-6])(?:-[1-9][0-9]?)?")
_SIZE = re.compile(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,3})")
_WINDOW = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_CURRENCIES = frozenset(c.alpha_3 for c in pycountry.currencies)
_COUNTRIES = frozenset(c.alpha_3 for c in pycountry.countries)
_LANGUAGES = frozenset(language.alpha_2 for language in pycountry.languages if hasattr(language, "alpha_2"))
_MAX_CPM = 10_000


def _matching(pattern: re.Pattern[str], allowed: str, known: frozenset[str] | None = None) -> Check[str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value) or (known is not None and value not in known):
            raise Wrong(allowed)
        return value

    return check


key = _matching(_KEY, "it must be 1 to 64 lower-case letters, digits, '-' and '_', beginning with a letter or digit")
domain_name = _matching(_DOMAIN, "it must be a domain in lower case, such as 'bank.example'")
category = _matching(_CATEGORY, "it must be an IAB content category, 'IAB1' to 'IAB26', such as 'IAB13-1'")
currency = _matching(re.compile("[A-Z]{3}"), "it must be an ISO 4217 currency code, such as 'USD'", _CURRENCIES)
country = _matching(re.compile("[A-Z]{3}"), "it must be an ISO 3166-1 alpha-3 country code, such as 'USA'", _COUNTRIES)
language = _matching(re.compile("[a-z]{2}"), "it must be an ISO 639-1 language code, such as 'en'", _LANGUAGES)


def text(longest: int = 255) -> Check[str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > longest or "\0" in value:
            raise Wrong(f"it must be text of 1 to {longest} characters, none of them NUL")
        return value

    return check


def shown_text(longest: int = 255) -> Check[str]:
    """Text that goes into markup: without the characters that markup is marked with before it is cut."""
    plain = text(longest)

    def check(value: Any) -> str:
        found = plain(value)
        if has_mark(found) or any(ord(c) < 32 and c not in "\t\n\r" for c in found):
            raise Wrong("it must not have control characters, nor any of U+E000 to U+E004")
        return found

    return check


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("it must be true or false")
    return value


def choice(*options: str) -> Check[Any]:
    def check(value: Any) -> str:
        if value not in options or not isinstance(value, str):
            raise Wrong(f"it must be {' or '.join(repr(option) for option in options)}")
        return value

    return check


def integer(low: int, high: int) -> Check[int]:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Wrong(f"it must be a whole number from {low} to {high}")
        return value

    return check


def listed(check_one: Check[T], *, least: int = 0) -> Check[tuple[T, ...]]:
    """A list of values, each once."""

    def check(value: Any) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise Wrong("it must be a list")
        if len(value) < least:
            raise Wrong(f"it must have at least {least} {'entry' if least == 1 else 'entries'}")
        good: list[T] = []
        seen: set[Any] = set()
        faults: list[tuple[str, object, str]] = []
        for i, item in enumerate(value):
            try:
                result = check_one(item)
            except Wrong as wrong:
                faults += [(f"[{i}]{b}", v, a) for b, v, a in wrong.faults or (("", item, wrong.allowed),)]
                continue
            known = repr(item) if isinstance(item, dict) else item
            if known in seen:
                faults.append((f"[{i}]", item, "it is in the list already"))
            seen.add(known)
            good.append(result)
        if faults:
            raise Wrong("", *faults)
        return tuple(good)

    return check


def _amount(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise Wrong("it must be an amount of money, such as 12.50")
    try:
        nanos = parse_nanos(value)
    except MoneyError as error:
        raise Wrong(f"it must be an amount of money that can be kept exactly: {error}") from None
    if nanos <= 0:
        raise Wrong("it must be above 0")
    return nanos


def budget(value: Any) -> int:
    """Units of currency -> nanos."""
    return _amount(value)


def cpm(value: Any) -> int:
    """A price for a thousand impressions -> CPM micros, which is nanos an impression."""
    nanos = _amount(value)
    micros, rest = divmod(nanos, 1000)
    if rest:
        raise Wrong("a CPM has at most six decimals")
    if micros > _MAX_CPM * 1_000_000:
        raise Wrong(f"a CPM is at most {_MAX_CPM}")
    return micros


def share(value: Any) -> int:
    """``12.5%`` -> millionths."""
    text = value[:-1] if isinstance(value, str) and value.endswith("%") else ""
    try:
        ppm, rest = divmod(parse_nanos(text) if text else 0, NANOS // 10_000)
    except MoneyError:
        ppm, rest = 0, 0
    if not 0 < ppm <= 1_000_000 or rest:
        raise Wrong("it must be a share such as '12.5%', up to 100%, with at most four decimals")
    return ppm


def rate(value: Any) -> int:
    """Units of quote currency for one of base -> times RATE_UNIT."""
    per_unit = _amount(value) * RATE_UNIT // NANOS
    if not RATE_UNIT // 1_000_000 <= per_unit <= RATE_UNIT * 1_000_000:
        raise Wrong("an exchange rate is from 0.000001 to 1000000")
    return per_unit


def size(value: Any) -> tuple[int, int]:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise Wrong("it must be WIDTHxHEIGHT in pixels, such as '300x250'")
    return int(match[1]), int(match[2])


def time_zone(value: Any) -> str:
    if not isinstance(value, str) or value not in available_timezones():
        raise Wrong("it must be a time zone of the IANA database, such as 'America/New_York'")
    return value


def day(value: Any) -> str:
    try:
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            raise ValueError
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise Wrong("it must be a day as YYYY-MM-DD") from None


def moment(zone: ZoneInfo, *, end: bool = False) -> Check[int]:
    """``2026-12-01`` or ``2026-12-01 18:00`` in ``zone`` -> nanoseconds UTC. A day as end is included."""

    def check(value: Any) -> int:
        try:
            if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
                named = date.fromisoformat(value)
                local = datetime.combine(named + timedelta(days=1) if end else named, time(), zone)
            elif isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2})?", value):
                local = datetime.fromisoformat(value).replace(tzinfo=zone)
            else:
                raise ValueError
            if not 2000 <= local.year <= 2200:
                raise ValueError
        except (ValueError, OverflowError):
            raise Wrong("it must be a day 'YYYY-MM-DD' or a time 'YYYY-MM-DD HH:MM', from 2000 to 2200") from None
        return int(local.timestamp()) * SECOND

    return check


def window(longest_s: int) -> Check[int]:
    """``30m``, ``12h`` or ``7d`` -> seconds."""

    def check(value: Any) -> int:
        match = _WINDOW.fullmatch(value) if isinstance(value, str) else None
        seconds = int(match[1]) * {"m": 60, "h": 3600, "d": 86400}[match[2]] if match else 0
        if not 0 < seconds <= longest_s:
            raise Wrong(f"it must be a time such as '30m', '12h' or '7d', at most {longest_s // 86400} days")
        return seconds

    return check


def https_url(value: Any) -> str:
    allowed = "it must be an absolute https:// URL of at most 1024 ASCII characters, without a user name"
    if not isinstance(value, str) or len(value) > 1024 or not value.isascii() or not value.isprintable():
        raise Wrong(allowed)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise Wrong(allowed) from None
    bad = parts.username is not None or any(c in value for c in " \"'<>\\^`{|}")
    if parts.scheme != "https" or not _DOMAIN.fullmatch(host) or bad:
        raise Wrong(allowed)
    return value


def macro_url(value: Any) -> str:
    """As `https_url`, with macros such as ``${AUCTION_ID}`` and ``[CACHEBUSTING]`` behind the host."""
    if not isinstance(value, str):
        raise Wrong("it must be an absolute https:// URL")
    host, slash, rest = value.removeprefix("https://").partition("/")
    plain = re.sub(r"\$\{[A-Z_:0-9]{1,40}\}|\[[A-Z_0-9]{1,40}\]|%%[A-Z_]{1,40}%%", "X", rest)
    if value.startswith("https://"):
        https_url(f"https://{host}{slash}{plain}")
        if len(value) <= 1024:
            return value
    return https_url(value)


def url_within(domain: str) -> Check[str]:
    """An HTTPS URL whose host is ``domain`` or below it."""

    def check(value: Any) -> str:
        url = https_url(value)
        host = urlsplit(url).hostname or ""
        if host != domain and not host.endswith(f".{domain}"):
            raise Wrong(f"it must be on the advertiser's domain {domain!r}")
        return url

    return check
