"""The sound requests that are broken in every place: small enough for that, and together with every object there is."""

import json
from typing import Any

Json = dict[str, Any]

SITE: Json = {
    "id": "r-1", "at": 1, "tmax": 400, "cur": ["USD", "EUR"], "test": 0, "allimps": 0, "bcat": ["IAB26"], "cattax": 1,
    "badv": ["casino.example"], "bapp": ["com.other"], "wlang": ["en"], "wseat": ["outbid", "165"], "bseat": ["16"],
    "imp": [
        {
            "id": "1", "bidfloor": 0.5, "bidfloorcur": "USD", "secure": 1, "instl": 0, "tagid": "t", "exp": 300,
            "banner": {"w": 300, "h": 250, "format": [{"w": 300, "h": 250}], "battr": [1], "btype": [1], "pos": 1,
                       "mimes": ["image/png"], "api": [5], "expdir": [2], "topframe": 1},
            "pmp": {"private_auction": 0, "deals": [
                {"id": "deal-1", "bidfloor": 1, "bidfloorcur": "USD", "at": 1, "wseat": ["outbid"], "guar": 0,
                 "wadomain": ["bank.example"]}]},
            "metric": [{"type": "viewability", "value": 0.8, "vendor": "v"}], "qty": {"multiplier": 1},
            "ext": {"gpid": "/1/home"},
        },
        {"id": "2", "banner": {"w": 728, "h": 90}},
    ],
    "site": {"id": "s", "domain": "news.example", "page": "https://news.example/a", "cat": ["IAB12"], "mobile": 1,
             "publisher": {"id": "p", "domain": "news.example"}, "content": {"language": "en", "data": [{"id": "d"}]}},
    "device": {"ua": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0", "ip": "192.0.2.1", "devicetype": 2,
               "lmt": 0,
               "dnt": 0, "language": "en", "os": "Windows", "geo": {"lat": 40.7, "country": "USA", "region": "NY"}},
    "user": {"id": "u", "buyeruid": "b", "consent": "CPx", "eids": [{"source": "e", "uids": [{"id": "i", "atype": 1}]}],
             "data": [{"segment": [{"id": "1"}]}], "ext": {"consent": "COx"}},
    "regs": {"coppa": 0, "gdpr": 0, "us_privacy": "1---", "gpp": "DBAA", "gpp_sid": [-1], "ext": {"gdpr": 0,
                                                                                                  "gpc": "0"}},
    "source": {"tid": "t", "schain": {"ver": "1.0", "complete": 1, "nodes": [{"asi": "ssp.example", "sid": "1",
                                                                              "hp": 1}]}},
    "ext": {"ssp": "x", "deep": {"a": [1, "b", None]}},
}  # fmt: skip
NATIVE = {"ver": "1.2", "assets": [
    {"id": 1, "required": 1, "title": {"len": 60}}, {"id": 2, "required": 1, "data": {"type": 1, "len": 30}},
    {"id": 3, "required": 0, "img": {"type": 3, "wmin": 300, "hmin": 150, "mimes": ["image/jpeg"]}}],
    "eventtrackers": [{"event": 1, "methods": [1]}], "privacy": 1}  # fmt: skip
APP: Json = {
    "id": "r-2",
    "imp": [
        {"id": "v", "bidfloor": 2, "video": {
            "mimes": ["video/mp4"], "protocols": [2, 3, 7], "minduration": 5, "maxduration": 30, "w": 640, "h": 360,
            "linearity": 1, "skip": 0, "startdelay": 0, "placement": 1, "plcmt": 1, "playbackmethod": [1],
            "delivery": [2],
            "minbitrate": 100, "maxbitrate": 4000, "boxingallowed": 1, "api": [7], "battr": [1], "mincpmpersec": 0.01,
            "durfloors": [{"mindur": 1, "maxdur": 60, "bidfloor": 2}],
            "companionad": [{"w": 300, "h": 250}], "companiontype": [1]}},
        {"id": "n", "native": {"request": json.dumps(NATIVE), "ver": "1.2", "battr": [1], "api": [3]}},
        {"id": "a", "audio": {"mimes": ["audio/mpeg"], "protocols": [2, 3], "rqddurs": [15, 30], "feed": 1,
                              "stitched": 0,
                              "nvol": 1, "battr": [1]}},
        {"id": "m", "banner": {"format": [{"wratio": 6, "hratio": 5, "wmin": 100}]},
         "video": {"mimes": ["video/webm"]}},
    ],
    "app": {"id": "a", "bundle": "com.example.app", "storeurl": "https://play.google.com/x", "cat": ["IAB9"],
            "ver": "1",
            "publisher": {"id": "p"}},
    "device": {"ua": "Mozilla/5.0 (Linux; Android 14) Mobile", "ifa": "b84f0ee0-8c1a-4b6f-9f5c-1f7b7f6f9c11",
               "os": "Android"},
}  # fmt: skip
SCREEN: Json = {
    "id": "r-3",
    "imp": [{"id": "1", "banner": {"w": 1080, "h": 1920}, "qty": {"multiplier": 14.2, "sourcetype": 1}, "dt": 1.7e12,
             "exp": 3600, "refresh": {"count": 2, "refsettings": [{"reftype": 1, "minint": 30}]}}],
    "dooh": {"id": "d", "name": "Screen", "venuetype": ["transit"], "venuetypetax": 1, "domain": "ooh.example",
             "publisher": {"id": "o"}},
}  # fmt: skip
BASES = (SITE, APP, SCREEN)

MAY_COST_THE_BID = (
    r"imp\[\d\]\.(banner|video|audio|native)$",  # no format is left
    r"imp\[\d\]\.banner\.(w|h|format(\[0\](\.(w|h|wratio|hratio|wmin))?)?|mimes(\[0\])?|expdir.*|api.*)$",
    r"imp\[\d\]\.(video|audio)\.(mimes|protocols|rqddurs|delivery)(\[\d\])?$",
    r"imp\[\d\]\.(video|audio)\.(\w*duration|skip|linearity|\w*bitrate|boxingallowed|w|h|mincpmpersec|durfloors.*)$",
    r"imp\[\d\]\.native\.request$",
    r"imp\[\d\]\.(\w+\.)?(battr|btype)(\[0\])?$",
    r"imp\[\d\]\.(bidfloor|bidfloorcur|pmp.*)$",  # private, or a floor that is not met
    r"imp\[\d\]\.(id|instl|secure|qty.*)$",
    r"imp(\[\d\])?$",
    r"(wseat|bseat|wlang|wlangb|acat|bcat|badv|bapp|cur)(\[\d\])?$",
    r"(tmax|cattax)$",
    r"(regs|user)(\.ext)?(\.(coppa|gdpr|gpc|gpp|us_privacy|consent|gpp_sid)(\[0\])?)?$",  # COPPA
)
"""Where a value of another meaning may rightly end the bidding on the imp, or on all."""
