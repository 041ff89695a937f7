"""The bid request as OpenRTB 2.6 describes it: the part of it that Outbid reads.

Attributes are named exactly as in the specification and are None when absent; unknown fields are ignored, and so
are fields of no use yet: each that is read costs time in every request. Fields that older exchanges still send under
``ext`` are typed there (`RegsExt`, `UserExt`, `SourceExt`). Sections are those of OpenRTB 2.6-202606.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

Integer = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
"""All integers of the specification fit in 32 bits; a larger one is a mistake and would overflow the compiled
request."""
Signal = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1, extra={"if_unreadable": 1})]
"""A privacy signal: one that is there but cannot be read is taken for a 1, never for nothing."""
Id = Annotated[str, Meta(min_length=1)]


class Format(Struct, gc=False):
    """3.2.10: one size offered, or flexible by ratio."""

    w: Integer | None = None
    h: Integer | None = None
    wratio: Integer | None = None
    hratio: Integer | None = None
    wmin: Integer | None = None


class Banner(Struct, gc=False):
    """3.2.6"""

    format: list[Format] | None = None
    w: Integer | None = None
    h: Integer | None = None
    btype: list[Integer] | None = None
    battr: list[Integer] | None = None
    mimes: list[str] | None = None
    expdir: list[Integer] | None = None
    api: list[Integer] | None = None


class Video(Struct, gc=False):
    """3.2.7"""

    mimes: list[str] | None = None
    minduration: Integer | None = None
    maxduration: Integer | None = None
    rqddurs: list[Integer] | None = None
    protocols: list[Integer] | None = None
    protocol: Integer | None = None
    w: Integer | None = None
    h: Integer | None = None
    linearity: Integer | None = None
    skip: Integer | None = None
    boxingallowed: Integer | None = None
    minbitrate: Integer | None = None
    maxbitrate: Integer | None = None
    delivery: list[Integer] | None = None
    battr: list[Integer] | None = None
    api: list[Integer] | None = None
    mincpmpersec: float | None = None
    poddur: Integer | None = None
    maxseq: Integer | None = None


class Audio(Struct, gc=False):
    """3.2.8"""

    mimes: list[str] | None = None
    minduration: Integer | None = None
    maxduration: Integer | None = None
    rqddurs: list[Integer] | None = None
    protocols: list[Integer] | None = None
    minbitrate: Integer | None = None
    maxbitrate: Integer | None = None
    delivery: list[Integer] | None = None
    battr: list[Integer] | None = None
    api: list[Integer] | None = None
    mincpmpersec: float | None = None
    poddur: Integer | None = None
    maxseq: Integer | None = None


class Native(Struct, gc=False):
    """3.2.9. Some exchanges send the request as an object; it is read back into its text."""

    request: Annotated[str, Meta(extra={"json_text": True})] | None = None
    ver: str | None = None
    api: list[Integer] | None = None
    battr: list[Integer] | None = None


class Deal(Struct, gc=False):
    """3.2.12. ``bidfloorcur`` does not inherit from the imp: absent is USD."""

    id: Id
    bidfloor: float | None = None
    bidfloorcur: str | None = None
    at: Integer | None = None
    wseat: list[str] | None = None
    wadomain: list[str] | None = None
    guar: Integer | None = None


class Pmp(Struct, gc=False):
    """3.2.11"""

    private_auction: Integer | None = None
    deals: list[Deal] | None = None


class Qty(Struct, gc=False):
    """3.2.31: how many impressions a play on a screen in a public place counts as."""

    multiplier: float | None = None


class Imp(Struct, gc=False):
    """3.2.4. ``bidfloor`` is a CPM of ``bidfloorcur`` (absent: USD)."""

    id: Id
    banner: Banner | None = None
    video: Video | None = None
    audio: Audio | None = None
    native: Native | None = None
    pmp: Pmp | None = None
    bidfloor: float | None = None
    bidfloorcur: str | None = None
    secure: Integer | None = None
    exp: Integer | None = None
    qty: Qty | None = None


class Content(Struct, gc=False):
    """3.2.16"""

    cat: list[str] | None = None


class Site(Struct, gc=False):
    """3.2.13"""

    id: str | None = None
    domain: str | None = None
    cat: list[str] | None = None
    sectioncat: list[str] | None = None
    pagecat: list[str] | None = None
    page: str | None = None
    content: Content | None = None


class App(Struct, gc=False):
    """3.2.14"""

    id: str | None = None
    bundle: str | None = None
    domain: str | None = None
    cat: list[str] | None = None
    sectioncat: list[str] | None = None
    pagecat: list[str] | None = None
    content: Content | None = None


class Dooh(Struct, gc=False):
    """3.2.31: a screen in a public place; its device is nobody's."""

    id: str | None = None
    name: str | None = None
    domain: str | None = None


class Geo(Struct, gc=False):
    """3.2.19. ``country`` ought to be ISO 3166-1 alpha-3; alpha-2 is common too."""

    country: str | None = None
    region: str | None = None
    city: str | None = None


class Device(Struct, gc=False):
    """3.2.18"""

    geo: Geo | None = None
    dnt: Signal | None = None
    lmt: Signal | None = None
    ua: str | None = None
    ip: str | None = None
    ipv6: str | None = None
    devicetype: Integer | None = None
    os: str | None = None
    language: str | None = None
    ifa: str | None = None


class Uid(Struct, gc=False):
    """3.2.28"""

    id: str | None = None
    atype: Integer | None = None


class Eid(Struct, gc=False):
    """3.2.27: identifiers of one source."""

    source: str | None = None
    uids: list[Uid] | None = None


class UserExt(Struct, gc=False):
    """Where ``consent`` and ``eids`` were before 2.6."""

    consent: str | None = None
    eids: list[Eid] | None = None


class User(Struct, gc=False):
    """3.2.20"""

    id: str | None = None
    buyeruid: str | None = None
    consent: str | None = None
    eids: list[Eid] | None = None
    ext: UserExt | None = None


class RegsExt(Struct, gc=False):
    """Where the privacy signals were before 2.6."""

    gdpr: Signal | None = None
    us_privacy: str | None = None
    gpp: str | None = None
    gpp_sid: list[Integer] | None = None


class Regs(Struct, gc=False):
    """3.2.3"""

    coppa: Signal | None = None
    gdpr: Signal | None = None
    us_privacy: str | None = None
    gpp: str | None = None
    gpp_sid: list[Integer] | None = None
    ext: RegsExt | None = None


class SupplyChainNode(Struct, gc=False):
    """3.2.26"""

    asi: str | None = None
    sid: str | None = None
    rid: str | None = None
    name: str | None = None
    domain: str | None = None
    hp: Integer | None = None


class SupplyChain(Struct, gc=False):
    """3.2.25"""

    complete: Integer | None = None
    nodes: list[SupplyChainNode] | None = None
    ver: str | None = None


class SourceExt(Struct, gc=False):
    """Where ``schain`` was before 2.6."""

    schain: SupplyChain | None = None


class Source(Struct, gc=False):
    """3.2.2"""

    fd: Integer | None = None
    tid: str | None = None
    pchain: str | None = None
    schain: SupplyChain | None = None
    ext: SourceExt | None = None


class BidRequest(Struct, gc=False):
    """3.2.1. ``at`` defaults to the exchange's own auction type, ``cur`` to any currency."""

    id: Id
    imp: Annotated[list[Imp], Meta(min_length=1)]
    site: Site | None = None
    app: App | None = None
    dooh: Dooh | None = None
    device: Device | None = None
    user: User | None = None
    test: Integer | None = None
    at: Integer | None = None
    tmax: Integer | None = None
    wseat: list[str] | None = None
    bseat: list[str] | None = None
    cur: list[str] | None = None
    acat: list[str] | None = None
    bcat: list[str] | None = None
    cattax: Integer | None = None
    badv: list[str] | None = None
    source: Source | None = None
    regs: Regs | None = None
    repairs: list[str] | None = field(default=None, name="(repairs)")
    """Not of the protocol: what `openrtb.parse` had to mend, one ``path: what`` each; None if nothing."""
