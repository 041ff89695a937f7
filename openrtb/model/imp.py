"""An impression on offer and the deals it can be bought in (3.2.4, 3.2.5, 3.2.11, 3.2.12, 3.2.31, 3.2.33, 3.2.34)."""

from msgspec import Struct

from openrtb.model.formats import Audio, Banner, DurFloors, Native, Video
from openrtb.model.values import Currency, Floor, Id, Integer


class Metric(Struct, gc=False):
    """3.2.5: what is known of the placement, such as its viewability."""

    type: str
    value: float
    vendor: str | None = None


class Deal(Struct, gc=False):
    """3.2.12. ``bidfloorcur`` does not inherit from the imp: absent is USD."""

    id: Id
    bidfloor: Floor | None = None
    bidfloorcur: Currency | None = None
    at: Integer | None = None
    wseat: list[str] | None = None
    wadomain: list[str] | None = None
    guar: Integer | None = None
    mincpmpersec: Floor | None = None
    durfloors: list[DurFloors] | None = None


class Pmp(Struct, gc=False):
    """3.2.11"""

    private_auction: Integer | None = None
    deals: list[Deal] | None = None


class Qty(Struct, gc=False):
    """3.2.31: of how many impressions a screen in a public place makes one."""

    multiplier: float
    sourcetype: Integer | None = None
    vendor: str | None = None


class RefSettings(Struct, gc=False):
    """3.2.34"""

    reftype: Integer | None = None
    minint: Integer | None = None


class Refresh(Struct, gc=False):
    """3.2.33: a placement that loads anew by itself."""

    refsettings: list[RefSettings] | None = None
    count: Integer | None = None


class ImpExt(Struct, gc=False):
    """What is in common use beyond the specification: the Global Placement ID."""

    gpid: str | None = None


class Imp(Struct, gc=False):
    """3.2.4. ``bidfloor`` is a CPM of ``bidfloorcur`` (absent: USD)."""

    id: Id
    metric: list[Metric] | None = None
    banner: Banner | None = None
    video: Video | None = None
    audio: Audio | None = None
    native: Native | None = None
    pmp: Pmp | None = None
    displaymanager: str | None = None
    displaymanagerver: str | None = None
    instl: Integer | None = None
    tagid: str | None = None
    bidfloor: Floor | None = None
    bidfloorcur: Currency | None = None
    clickbrowser: Integer | None = None
    secure: Integer | None = None
    iframebuster: list[str] | None = None
    rwdd: Integer | None = None
    ssai: Integer | None = None
    exp: Integer | None = None
    qty: Qty | None = None
    dt: float | None = None
    refresh: Refresh | None = None
    ext: ImpExt | None = None
