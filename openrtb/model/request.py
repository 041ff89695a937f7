"""The bid request itself, its source and the law it is under (3.2.1 to 3.2.3, 3.2.25, 3.2.26)."""

from typing import Annotated

from msgspec import Meta, Struct, field

from openrtb.model.imp import Imp
from openrtb.model.person import Device, User
from openrtb.model.place import App, Dooh, Site
from openrtb.model.values import Id, Integer, PrivacyText, Signal


class RegsExt(Struct, gc=False):
    """Where the privacy signals were before 2.6; ``gpc`` is Global Privacy Control."""

    gdpr: Signal | None = None
    us_privacy: PrivacyText | None = None
    gpp: PrivacyText | None = None
    gpp_sid: list[Integer] | None = None
    gpc: Signal | None = None


class Regs(Struct, gc=False):
    """3.2.3; ``gpc`` (Global Privacy Control) is not of the specification, but in use."""

    coppa: Signal | None = None
    gdpr: Signal | None = None
    us_privacy: PrivacyText | None = None
    gpp: PrivacyText | None = None
    gpp_sid: list[Integer] | None = None
    gpc: Signal | None = None
    ext: RegsExt | None = None


class SupplyChainNode(Struct, gc=False):
    """3.2.26. ``asi`` and ``sid`` are required there; a node that lacks one stays, or the chain would look whole."""

    asi: str | None = None
    sid: str | None = None
    rid: str | None = None
    name: str | None = None
    domain: str | None = None
    hp: Integer | None = None


class SupplyChain(Struct, gc=False):
    """3.2.25"""

    complete: Integer | None = None
    nodes: Annotated[list[SupplyChainNode], Meta(extra={"all_or_none": True})] | None = None
    """A chain without one of its links would look shorter than it is."""
    ver: str | None = None


class SourceExt(Struct, gc=False):
    """Where ``schain`` was before 2.6, and the Open Measurement partner of the seller's SDK."""

    schain: SupplyChain | None = None
    omidpn: str | None = None
    omidpv: str | None = None


class Source(Struct, gc=False):
    """3.2.2"""

    fd: Integer | None = None
    tid: str | None = None
    pchain: str | None = None
    schain: SupplyChain | None = None
    ext: SourceExt | None = None


class BidRequestExt(Struct, gc=False):
    """Where ``schain`` was before 2.5, which had no place for it."""

    schain: SupplyChain | None = None


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
    allimps: Integer | None = None
    cur: list[str] | None = None
    wlang: list[str] | None = None
    wlangb: list[str] | None = None
    acat: list[str] | None = None
    bcat: list[str] | None = None
    cattax: Integer | None = None
    badv: list[str] | None = None
    bapp: list[str] | None = None
    source: Source | None = None
    regs: Regs | None = None
    ext: BidRequestExt | None = None
    repairs: list[str] | None = field(default=None, name="(repairs)")
    """Not of the protocol: what `openrtb.parse` had to mend, one ``path: what`` each; None if nothing."""
