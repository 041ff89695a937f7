"""What may be shown in an imp: banner, video, audio, native (3.2.6 to 3.2.10, 3.2.35)."""

from msgspec import Struct

from openrtb.model.values import Floor, Integer, JsonText


class Format(Struct, gc=False):
    """3.2.10: one size offered, or flexible by ratio."""

    w: Integer | None = None
    h: Integer | None = None
    wratio: Integer | None = None
    hratio: Integer | None = None
    wmin: Integer | None = None


class Banner(Struct, gc=False):
    """3.2.6; ``wmax`` to ``hmin`` are of 2.5 (deprecated there)."""

    format: list[Format] | None = None
    w: Integer | None = None
    h: Integer | None = None
    btype: list[Integer] | None = None
    battr: list[Integer] | None = None
    pos: Integer | None = None
    mimes: list[str] | None = None
    topframe: Integer | None = None
    expdir: list[Integer] | None = None
    api: list[Integer] | None = None
    id: str | None = None
    vcm: Integer | None = None
    wmax: Integer | None = None
    hmax: Integer | None = None
    wmin: Integer | None = None
    hmin: Integer | None = None


class DurFloors(Struct, gc=False):
    """3.2.35: the floor of ads whose length in seconds lies between two bounds."""

    mindur: Integer | None = None
    maxdur: Integer | None = None
    bidfloor: Floor | None = None


class Video(Struct, gc=False):
    """3.2.7; ``protocol`` is of 2.5 (deprecated there)."""

    mimes: list[str] | None = None
    minduration: Integer | None = None
    maxduration: Integer | None = None
    startdelay: Integer | None = None
    maxseq: Integer | None = None
    poddur: Integer | None = None
    protocols: list[Integer] | None = None
    w: Integer | None = None
    h: Integer | None = None
    podid: str | None = None
    podseq: Integer | None = None
    rqddurs: list[Integer] | None = None
    placement: Integer | None = None
    plcmt: Integer | None = None
    linearity: Integer | None = None
    skip: Integer | None = None
    skipmin: Integer | None = None
    skipafter: Integer | None = None
    sequence: Integer | None = None
    slotinpod: Integer | None = None
    mincpmpersec: Floor | None = None
    battr: list[Integer] | None = None
    maxextended: Integer | None = None
    minbitrate: Integer | None = None
    maxbitrate: Integer | None = None
    boxingallowed: Integer | None = None
    playbackmethod: list[Integer] | None = None
    playbackend: Integer | None = None
    delivery: list[Integer] | None = None
    pos: Integer | None = None
    companionad: list[Banner] | None = None
    api: list[Integer] | None = None
    companiontype: list[Integer] | None = None
    poddedupe: list[Integer] | None = None
    durfloors: list[DurFloors] | None = None
    protocol: Integer | None = None


class Audio(Struct, gc=False):
    """3.2.8"""

    mimes: list[str] | None = None
    minduration: Integer | None = None
    maxduration: Integer | None = None
    poddur: Integer | None = None
    protocols: list[Integer] | None = None
    startdelay: Integer | None = None
    rqddurs: list[Integer] | None = None
    podid: str | None = None
    podseq: Integer | None = None
    sequence: Integer | None = None
    slotinpod: Integer | None = None
    mincpmpersec: Floor | None = None
    battr: list[Integer] | None = None
    maxextended: Integer | None = None
    minbitrate: Integer | None = None
    maxbitrate: Integer | None = None
    delivery: list[Integer] | None = None
    companionad: list[Banner] | None = None
    api: list[Integer] | None = None
    companiontype: list[Integer] | None = None
    maxseq: Integer | None = None
    feed: Integer | None = None
    stitched: Integer | None = None
    nvol: Integer | None = None
    durfloors: list[DurFloors] | None = None


class Native(Struct, gc=False):
    """3.2.9. Some exchanges send the request as an object; it is read back into its text."""

    request: JsonText | None = None
    ver: str | None = None
    api: list[Integer] | None = None
    battr: list[Integer] | None = None
