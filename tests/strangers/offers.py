"""What may be for sale in an imp: every format, as versions 2.5 and 2.6 offer it. All of it is well-formed."""

import json
from typing import Any

Json = dict[str, Any]

SIZES = ((300, 250), (728, 90), (160, 600), (320, 50), (320, 100), (300, 600), (970, 250), (468, 60), (336, 280),
         (320, 480), (480, 320), (768, 1024), (250, 250), (970, 90), (120, 600), (1080, 1920), (1920,
                                                                                                1080))  # fmt: skip
IMAGES = ["image/png", "image/jpeg", "image/gif"]
PLAYERS = ["video/mp4", "video/webm", "application/x-mpegURL"]


def _native(version: str, request: Json, *, rooted: bool = False, as_object: bool = False) -> Json:
    asked: Any = {"native": request} if rooted else request
    return {"native": {"request": asked if as_object else json.dumps(asked), "ver": version, "battr": [1, 3, 8, 9]}}


TITLE = {"id": 1, "required": 1, "title": {"len": 90}}
BRAND = {"id": 2, "required": 0, "data": {"type": 1, "len": 25}}
TEXT = {"id": 3, "required": 0, "data": {"type": 2, "len": 140}}
ICON = {"id": 4, "required": 0, "img": {"type": 1, "wmin": 50, "hmin": 50, "mimes": IMAGES}}
MAIN = {"id": 5, "required": 1, "img": {"type": 3, "wmin": 600, "hmin": 300, "mimes": IMAGES}}
ACTION = {"id": 6, "data": {"type": 12, "len": 15}}
ODD_KINDS = {"id": 7, "required": 0, "data": {"type": 501, "len": 10}}

BANNERS: list[Json] = [
    *({"banner": {"w": w, "h": h}} for w, h in SIZES),
    {"banner": {"format": [{"w": 300, "h": 250}, {"w": 300, "h": 600}], "pos": 1, "battr": [1, 2, 5, 9, 10],
                "btype": [1]}},
    {"banner": {"w": 300, "h": 250, "format": [{"w": 300, "h": 250}, {"w": 728, "h": 90}], "mimes": [*IMAGES,
                                                                                                     "text/html"]}},
    {"banner": {"format": [{"wratio": 6, "hratio": 5, "wmin": 200}], "topframe": 1, "api": [3, 5, 6, 7]}},
    {"banner": {"w": 320, "h": 50, "wmax": 400, "hmax": 100, "wmin": 300, "hmin": 50, "expdir": [1, 2, 3, 4],
                "vcm": 0}},
    {"banner": {"w": 728, "h": 90, "btype": [4], "battr": [], "mimes": [], "api": [], "expdir": []}},
    {"banner": {"w": 320, "h": 480, "pos": 7}, "instl": 1, "rwdd": 0},
]  # fmt: skip
VIDEO = {"mimes": PLAYERS, "minduration": 5, "maxduration": 60, "protocols": [2, 3, 5, 6, 7, 8], "w": 640, "h": 360}
VIDEOS: list[Json] = [
    {"video": VIDEO},
    {"video": {**VIDEO, "startdelay": 0, "linearity": 1, "skip": 1, "skipmin": 15, "skipafter": 5, "placement": 1,
               "plcmt": 1}},
    {"video": {"mimes": ["video/mp4"], "protocol": 2, "minduration": 0, "maxduration": 30, "w": 1920, "h": 1080}},
    {"video": {**VIDEO, "playbackmethod": [1, 2, 6], "playbackend": 1, "delivery": [2], "pos": 4, "api": [1, 2, 7]}},
    {"video": {**VIDEO, "minbitrate": 300, "maxbitrate": 8000, "boxingallowed": 1, "maxextended": -1, "sequence": 1}},
    {"video": {**VIDEO, "companionad": [{"id": "c1", "w": 300, "h": 250}], "companiontype": [1, 2]}},
    {"video": {**VIDEO, "protocols": [2, 3, 5, 6, 7, 8, 11, 12, 13, 14], "plcmt": 4, "skip": 0}, "rwdd": 1, "instl": 1},
    {"video": {"mimes": ["video/mp4"], "protocols": [3, 6], "rqddurs": [15, 30], "podid": "p1", "slotinpod": 1,
               "podseq": 1}},
    {"video": {**VIDEO, "poddur": 120, "maxseq": 4, "podid": "p2", "mincpmpersec": 0.02}},
    {"video": {**VIDEO, "durfloors": [{"maxdur": 15, "bidfloor": 2}, {"mindur": 16, "maxdur": 60, "bidfloor": 6.5}]}},
]  # fmt: skip
AUDIO = {
    "mimes": ["audio/mpeg", "audio/mp3", "audio/mp4"],
    "minduration": 5,
    "maxduration": 60,
    "protocols": [2, 3, 9, 10],
}
AUDIOS: list[Json] = [
    {"audio": AUDIO},
    {
        "audio": {
            "mimes": ["audio/mpeg"],
            "startdelay": -1,
            "feed": 3,
            "stitched": 1,
            "nvol": 2,
            "maxseq": 2,
            "poddur": 60,
        }
    },
    {"audio": {"mimes": ["audio/mpeg"], "rqddurs": [15, 30], "minbitrate": 32, "maxbitrate": 320, "delivery": [2]}},
]
NATIVES: list[Json] = [
    _native("1.0", {"ver": "1.0", "layout": 3, "adunit": 2, "plcmtcnt": 1, "seq": 0, "assets": [TITLE, BRAND]},
            rooted=True),
    _native("1.0", {"ver": 1, "assets": [TITLE, TEXT, {"id": 4, "img": {"type": 3, "w": 1200, "h": 627}}]},
            rooted=True),
    _native("1.1", {"ver": "1.1", "context": 1, "contextsubtype": 11, "plcmttype": 1, "assets": [TITLE, MAIN, BRAND]}),
    _native("1.2", {
        "ver": "1.2", "context": 2, "plcmttype": 4, "assets": [TITLE, BRAND, TEXT, ICON, MAIN, ACTION, ODD_KINDS],
        "aurlsupport": 0, "durlsupport": 1, "privacy": 1,
        "eventtrackers": [{"event": 1, "methods": [1, 2]}, {"event": 2, "methods": [1]}, {"event": 555,
                                                                                          "methods": [1]}],
    }),
    _native("1.2", {"assets": [TITLE]}),
    _native("1.2", {"ver": "1.2", "assets": [TITLE, MAIN], "ext": {"x": 1}}, as_object=True),
]  # fmt: skip
MIXED: list[Json] = [
    {**BANNERS[0], **VIDEOS[0]},
    {**BANNERS[0], **NATIVES[3]},
    {**BANNERS[5], **VIDEOS[1], **NATIVES[2], **AUDIOS[0]},
    {**VIDEOS[0], **AUDIOS[0]},
]
SCREENS: list[Json] = [
    {"banner": {"w": 1080, "h": 1920}, "qty": {"multiplier": 14.2, "sourcetype": 1, "vendor": "measure.example"},
     "dt": 1.7e12},
    {"video": {**VIDEO, "w": 1920, "h": 1080, "plcmt": 1}, "qty": {"multiplier": 3}, "exp": 3600},
    {"banner": {"w": 1920, "h": 1080, "mimes": ["image/jpeg", "image/png"]}, "video": VIDEO, "refresh": {"count": 1}},
]  # fmt: skip
FORMATS: dict[str, list[Json]] = {
    "banner": BANNERS, "video": VIDEOS, "audio": AUDIOS, "native": NATIVES, "several": MIXED,
}  # fmt: skip
