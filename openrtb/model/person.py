"""Who would see an ad: device, place and user (3.2.18 to 3.2.20, 3.2.27 to 3.2.30)."""

from msgspec import Struct

from openrtb.model.place import Data
from openrtb.model.values import Integer, PrivacyText, Signal


class Geo(Struct, gc=False):
    """3.2.19. ``country`` ought to be ISO 3166-1 alpha-3; alpha-2 is common too."""

    lat: float | None = None
    lon: float | None = None
    type: Integer | None = None
    accuracy: Integer | None = None
    lastfix: Integer | None = None
    ipservice: Integer | None = None
    country: str | None = None
    region: str | None = None
    regionfips104: str | None = None
    metro: str | None = None
    city: str | None = None
    zip: str | None = None
    utcoffset: Integer | None = None


class BrandVersion(Struct, gc=False):
    """3.2.30"""

    brand: str
    version: list[str] | None = None


class UserAgent(Struct, gc=False):
    """3.2.29: the User-Agent client hints."""

    browsers: list[BrandVersion] | None = None
    platform: BrandVersion | None = None
    mobile: Integer | None = None
    architecture: str | None = None
    bitness: str | None = None
    model: str | None = None
    source: Integer | None = None


class DeviceExt(Struct, gc=False):
    """Where ``sua`` was before 2.6, and what Apple's systems say: ``atts`` is the authorisation status of App Tracking
    Transparency, ``ifv`` the id for vendors."""

    sua: UserAgent | None = None
    atts: Integer | None = None
    ifv: str | None = None


class Device(Struct, gc=False):
    """3.2.18; the hashed ids are deprecated in 2.6."""

    geo: Geo | None = None
    dnt: Signal | None = None
    lmt: Signal | None = None
    ua: str | None = None
    sua: UserAgent | None = None
    ip: str | None = None
    ipv6: str | None = None
    devicetype: Integer | None = None
    make: str | None = None
    model: str | None = None
    os: str | None = None
    osv: str | None = None
    hwv: str | None = None
    h: Integer | None = None
    w: Integer | None = None
    ppi: Integer | None = None
    pxratio: float | None = None
    js: Integer | None = None
    geofetch: Integer | None = None
    flashver: str | None = None
    language: str | None = None
    langb: str | None = None
    carrier: str | None = None
    mccmnc: str | None = None
    connectiontype: Integer | None = None
    ifa: str | None = None
    didsha1: str | None = None
    didmd5: str | None = None
    dpidsha1: str | None = None
    dpidmd5: str | None = None
    macsha1: str | None = None
    macmd5: str | None = None
    ext: DeviceExt | None = None


class Uid(Struct, gc=False):
    """3.2.28"""

    id: str | None = None
    atype: Integer | None = None


class Eid(Struct, gc=False):
    """3.2.27: identifiers of one source, who put them there, and how they were matched."""

    inserter: str | None = None
    source: str | None = None
    matcher: str | None = None
    mm: Integer | None = None
    uids: list[Uid] | None = None


class UserExt(Struct, gc=False):
    """Where ``consent`` and ``eids`` were before 2.6."""

    consent: PrivacyText | None = None
    eids: list[Eid] | None = None


class User(Struct, gc=False):
    """3.2.20; ``yob`` and ``gender`` are deprecated in 2.6."""

    id: str | None = None
    buyeruid: str | None = None
    yob: Integer | None = None
    gender: str | None = None
    keywords: str | None = None
    kwarray: list[str] | None = None
    customdata: str | None = None
    geo: Geo | None = None
    data: list[Data] | None = None
    consent: PrivacyText | None = None
    eids: list[Eid] | None = None
    ext: UserExt | None = None
