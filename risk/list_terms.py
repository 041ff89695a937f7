"""What people write of an entry: its reason, its source, and until when it holds."""

import csv
import re
from datetime import UTC, datetime

MAX_REASON, MAX_SOURCE = 200, 100
"""Characters."""
LAST_S = (1 << 32) - 1
"""Times are kept in 32 bits, which end in 2106."""
EXPIRY = (
    "a time is written 12h, 90d or 4w (from now on), 2027-01-31, 2027-01-31T12:00:00Z (UTC where no offset is said), "
    "as seconds since 1970, or never"
)
_SPAN = re.compile(r"([1-9][0-9]{0,8})([hdw])")
_SECONDS = {"h": 3_600, "d": 86_400, "w": 604_800}


def read_expiry(text: str, now_s: int) -> int:
    """Seconds since 1970; 0: never. It may be past. Raises ValueError."""
    text = text.strip()
    if text in ("never", "0", ""):
        return 0
    if span := _SPAN.fullmatch(text):
        at_s = now_s + int(span[1]) * _SECONDS[span[2]]
    elif text.isascii() and text.isdigit() and len(text) >= 9:
        at_s = int(text)
    else:
        try:
            when = datetime.fromisoformat(text)
            at_s = int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
        except (ValueError, OverflowError):
            raise ValueError(EXPIRY) from None
    if not 0 < at_s <= LAST_S:
        raise ValueError(f"it must be before 2106 and after 1970; {EXPIRY}")
    return at_s


def checked_text(text: str, most: int) -> str:
    """A reason or a source. Raises ValueError for one that is too long or does not print."""
    text = text.strip()
    if len(text) > most or not text.isprintable():
        raise ValueError(f"it has at most {most} printable characters")
    return text


def read_terms(written: str, reason: str, source: str, expires_s: int, now_s: int) -> tuple[str, str, int]:
    """``REASON[,SOURCE[,EXPIRES]]`` as a line has it behind an id; what is left out or empty is as given. Raises
    ValueError.
    """
    try:
        fields = next(csv.reader([written], strict=True), [])
    except csv.Error as error:
        raise ValueError(f"behind an id stands REASON[,SOURCE[,EXPIRES]]: {error}") from None
    if len(fields) > 3:
        raise ValueError(f"a line is ID[,REASON[,SOURCE[,EXPIRES]]], and this one has {len(fields) + 1} fields")
    told = [*(field.strip() for field in fields), *("",) * (3 - len(fields))]
    return (
        checked_text(told[0], MAX_REASON) or reason,
        checked_text(told[1], MAX_SOURCE) or source,
        read_expiry(told[2], now_s) if told[2] else expires_s,
    )
