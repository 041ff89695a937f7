"""What the privacy signals of a request allow us to do with the person behind it.

COPPA (a child): no bid at all. GDPR without a consent that covers us, GPP sections that apply, a US opt-out of sale,
LMT or DNT: *contextual* only, which means no id, no profile, no frequency record and no place finer than the region.
Otherwise *full*. The consent string is read as TCF v2 (IAB Europe, "Consent string and vendor list formats" v2): we
need the consents to store (1), to make a profile (3) and to select by profile (4), and our own vendor bit.
"""

from binascii import Error as Base64Error
from binascii import a2b_base64
from enum import IntEnum
from functools import lru_cache

from openrtb.model import BidRequest, Regs, User

NEEDED_PURPOSES = (1, 3, 4)
TCF_V2 = 2

# Bit positions in the core segment of a TCF v2 string.
PURPOSES_AT = 152
MAX_VENDOR_AT = 213
VENDOR_RANGE_FLAG_AT = 229
VENDORS_AT = 230


class Use(IntEnum):
    """What may be done with the person of a request."""

    NONE = 0
    CONTEXTUAL = 1
    FULL = 2


class _Bits:
    """Big-endian bit fields of a web-safe base64 text."""

    def __init__(self, text: str) -> None:
        raw = a2b_base64(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
        self.length = len(raw) * 8
        self.number = int.from_bytes(raw, "big")

    def read(self, at: int, width: int) -> int:
        if at + width > self.length:
            raise ValueError("the consent string ends early")
        return self.number >> (self.length - at - width) & ((1 << width) - 1)


def _vendor_consents(bits: _Bits, vendor: int) -> bool:
    if vendor > bits.read(MAX_VENDOR_AT, 16):
        return False
    if not bits.read(VENDOR_RANGE_FLAG_AT, 1):
        return bool(bits.read(VENDORS_AT + vendor - 1, 1))
    at = VENDORS_AT + 12
    for _ in range(bits.read(VENDORS_AT, 12)):
        is_range, first = bits.read(at, 1), bits.read(at + 1, 16)
        last = bits.read(at + 17, 16) if is_range else first
        if first <= vendor <= last:
            return True
        at += 33 if is_range else 17
    return False


@lru_cache(maxsize=65_536)
def tcf_consents(consent: str, vendor: int) -> bool:
    """Does this TCF v2 string let the vendor of this id (of the Global Vendor List; 0: none) keep and use a profile?

    A string that cannot be read consents to nothing.
    """
    if vendor <= 0:
        return False
    try:
        bits = _Bits(consent.split(".", 1)[0])
        if bits.read(0, 6) != TCF_V2:
            return False
        purposes = all(bits.read(PURPOSES_AT + purpose - 1, 1) for purpose in NEEDED_PURPOSES)
        return purposes and _vendor_consents(bits, vendor)
    except (ValueError, Base64Error, UnicodeEncodeError):
        return False


def _consent(user: User | None) -> str:
    if user is None:
        return ""
    return user.consent or (user.ext.consent if user.ext is not None else None) or ""


def _regs_allow(regs: Regs, user: User | None, vendor: int) -> bool:
    ext = regs.ext
    gdpr = regs.gdpr if regs.gdpr is not None else (ext.gdpr if ext is not None else None)
    if gdpr == 1 and not tcf_consents(_consent(user), vendor):
        return False
    us_privacy = regs.us_privacy or (ext.us_privacy if ext is not None else None) or ""
    if len(us_privacy) == 4 and us_privacy[2] in "Yy":  # the third character: opted out of the sale of data
        return False
    sections = regs.gpp_sid or (ext.gpp_sid if ext is not None else None) or []
    return not any(section > 0 for section in sections)  # GPP sections are not decoded yet: the careful reading


def allowed_use(request: BidRequest, vendor: int) -> Use:
    """The most that may be done, under all signals together; ``vendor`` is our id in the Global Vendor List or 0."""
    regs, device = request.regs, request.device
    if regs is not None and regs.coppa == 1:
        return Use.NONE
    if device is not None and (device.lmt == 1 or device.dnt == 1):
        return Use.CONTEXTUAL
    if regs is not None and not _regs_allow(regs, request.user, vendor):
        return Use.CONTEXTUAL
    return Use.FULL
