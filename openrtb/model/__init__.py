"""The bid request as OpenRTB 2.6-202606 and 2.5 describe it: every object and every field.

Attributes are named exactly as in the specification and are None when absent; unknown fields are ignored. What the
specification requires inside an optional object is required here too, unless an object without it still tells
something. Fields that older exchanges send under ``ext`` are typed there (`RegsExt`, `UserExt`, `SourceExt` and so
on), and so are the few extensions of the community that are in common use. Sections are those of 2.6.
docs/openrtb.md says what is done with each field.
"""

from openrtb.model.formats import Audio, Banner, DurFloors, Format, Native, Video
from openrtb.model.imp import Deal, Imp, ImpExt, Metric, Pmp, Qty, Refresh, RefSettings
from openrtb.model.person import BrandVersion, Device, DeviceExt, Eid, Geo, Uid, User, UserAgent, UserExt
from openrtb.model.place import (
    App,
    Channel,
    Content,
    ContentExt,
    Data,
    DataExt,
    Dooh,
    InventoryExt,
    Network,
    Producer,
    Publisher,
    Segment,
    Site,
)
from openrtb.model.request import (
    BidRequest,
    BidRequestExt,
    Regs,
    RegsExt,
    Source,
    SourceExt,
    SupplyChain,
    SupplyChainNode,
)
from openrtb.model.values import Currency, Floor, Id, Integer, JsonText, Signal

__all__ = [
    "App",
    "Audio",
    "Banner",
    "BidRequest",
    "BidRequestExt",
    "BrandVersion",
    "Channel",
    "Content",
    "ContentExt",
    "Currency",
    "Data",
    "DataExt",
    "Deal",
    "Device",
    "DeviceExt",
    "Dooh",
    "DurFloors",
    "Eid",
    "Floor",
    "Format",
    "Geo",
    "Id",
    "Imp",
    "ImpExt",
    "Integer",
    "InventoryExt",
    "JsonText",
    "Metric",
    "Native",
    "Network",
    "Pmp",
    "Producer",
    "Publisher",
    "Qty",
    "RefSettings",
    "Refresh",
    "Regs",
    "RegsExt",
    "Segment",
    "Signal",
    "Site",
    "Source",
    "SourceExt",
    "SupplyChain",
    "SupplyChainNode",
    "Uid",
    "User",
    "UserAgent",
    "UserExt",
    "Video",
]
