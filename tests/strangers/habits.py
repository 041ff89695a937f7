"""What exchanges add to a bid request of their own, in the shapes that their public documentation shows.

Each habit changes a request in place. None of it may matter to anybody but the exchange's adapter; what is here besides
``ext`` (an id in an old place, a word in another case) is what that exchange is known to do. All values are made up.
"""

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Habit = Callable[[Json], None]


def _ext(holder: Json, **given: Any) -> None:
    holder.setdefault("ext", {}).update(given)


def _place(request: Json) -> Json:
    return next((request[name] for name in ("site", "app", "dooh") if name in request), {})


def plain(request: Json) -> None:
    """An exchange that adds nothing."""


def google(request: Json) -> None:
    _ext(request, google_query_id="ANy-zJE" + "x" * 60, youtube_contextual_targeting=False)
    for imp in request["imp"]:
        _ext(imp, billing_id=["77", "78"], publisher_settings_list_id=["4711"], allowed_vendor_type=list(range(10, 400,
                                                                                                               7)),
             publisher_parameter=[], dfp_ad_unit_code="/1234/sports/football", is_rewarded_inventory=False, ampad=3,
             open_bidding={"is_open_bidding": True},
             creative_enforcement_settings={"policy_enforcement": 1})  # fmt: skip
        imp["metric"] = [
            {"type": "click_through_rate", "value": 0.0021, "vendor": "EXCHANGE"},
            {"type": "viewability", "value": 0.71, "vendor": "EXCHANGE"},
            {"type": "session_depth", "value": 12},
        ]
    _ext(
        request.setdefault("device", {}),
        session_depth=12,
        user_agent_data={"mobile": True, "platform": {"brand": "Android"}},
    )
    _ext(request.setdefault("user", {}), consented_providers_settings={"consented_providers": [4, 17, 29, 1099]})
    request["bcat"] = ["IAB24", "IAB25-2", "IAB26"]


def xandr(request: Json) -> None:
    _ext(request, appnexus={"seller_member_id": 958, "sendtargeting": True})
    for imp in request["imp"]:
        _ext(imp, appnexus={"reserve_price": 0.4, "allow_smaller_sizes": True, "inventory_audit_status": 1})
    _ext(_place(request), appnexus={"page_view_id": 73, "amp": 0})
    _ext(request.setdefault("user", {}), sessiondepth=3)


def magnite(request: Json) -> None:
    _ext(request, rp={"wrappername": "12345_header"}, adtruth={"tdl_millis": 19_534_993})
    for imp in request["imp"]:
        _ext(
            imp,
            rp={"zone_id": 98_765, "target": {"inv_code": ["a"]}, "rtb": {"formats": ["banner"]}},
            rubicon={"x": None},
        )
        if "banner" in imp:
            _ext(imp["banner"], rp={"size_id": 15, "alt_size_ids": [10, 2], "mime": "text/html", "usenurl": 1})
    _ext(_place(request), rp={"site_id": 234_563})
    _ext(_place(request).setdefault("publisher", {"id": "p"}), rp={"account_id": 11_001})
    _ext(request.setdefault("user", {}), rp={"target": {"age": ["25-34"]}}, digitrust={"id": "abc", "keyv": 4})


def pubmatic(request: Json) -> None:
    _ext(request, wrapper={"profileid": 5890, "versionid": 1, "ssai": ""}, fsr=0, auctionid=None)
    for imp in request["imp"]:
        _ext(imp, pmZoneId="zone1,zone2", dctr="sport=football|team=blue", winratio=0.1)
        imp["iframebuster"] = ["mm", "pr"]
    request.setdefault("user", {}).update(yob=1984, gender="F", keywords="finance,cards")
    request["bapp"] = ["com.example.other"]


def openx(request: Json) -> None:
    _ext(request, delDomain="seller-d.openx.example", platform="a3aece0c-9e80-4316-8deb-faf804779bd1", bc="hb_pb_3.0.3")
    for imp in request["imp"]:
        _ext(imp, divid="div-gpt-1", customParams={"k": ["v", "w"]}, ae=0)
        imp.setdefault("bidfloorcur", "USD")


def index(request: Json) -> None:
    _ext(request, source="prebid", ixdiag={"mfu": 0, "bu": 1, "iu": 0, "nu": 0, "ou": 1, "allu": 1, "ren": False})
    for imp in request["imp"]:
        _ext(imp, siteID="715964", sid="300x250", dfp_ad_unit_code="/99/home", bidfloor="0")
        if "banner" in imp:
            imp["banner"].update(topframe=0, id="0")


def criteo(request: Json) -> None:
    _ext(request, publisher={"ext": {"networkid": 7100}}, timeout=120)
    for imp in request["imp"]:
        _ext(imp, bidder={"networkId": 7100, "zoneId": 0, "uid": "xyz"}, hash="17b", rwdd=0)
    _ext(request.setdefault("user", {}), deviceidtype="gaid", cookieuid="c-1", uspIab="1---")


def smaato(request: Json) -> None:
    _ext(
        request,
        exchange="smaato",
        timestamp=1_468_888_746_678,
        udi={"googleadid": "5e2efab6-7721-4cfe-b542-97084d5aa62f"},
    )
    for imp in request["imp"]:
        imp.update(displaymanager="SOMA", displaymanagerver="adtag2216s")
        _ext(imp, strictbannersize=0)
    request["badv"] = ["http://casino.example", "bets.example/bonus/*", "re_slots_us_sm_320x50.example", "apps.example"]


def mopub(request: Json) -> None:
    _ext(request, mopub={"consent": True})
    for imp in request["imp"]:
        imp.update(displaymanager="mopub", displaymanagerver="5.13.1", instl=imp.get("instl", 0))
        _ext(
            imp,
            brsrclk=1,
            dlp=1,
            networkids={"appid": "1", "placementid": "2"},
            skadn={"version": "2.0", "skadnetids": ["a.skadnetwork"]},
        )
    _ext(
        request.setdefault("device", {}),
        idfv="336F2BC0-245B-4242-8029-83762AB47B15",
        atts=3,
        ifv="336F2BC0-245B-4242-8029-83762AB47B15",
    )
    _place(request)["cat"] = ["IAB14", "IAB24", "lifestyle", "social_networking"]


def nexage(request: Json) -> None:
    request.update(
        {"@timestamp": "2017-10-20T11:04:23.857Z", "@version": "1", "beat": {"name": "263b5d823319"}, "Xid": "123"}
    )
    _ext(request, coppa=0, operaminibrowser=0, carriername="Carrier")
    for imp in request["imp"]:
        _ext(imp, nex_screen=0)
        if "banner" in imp:
            imp["banner"]["mimes"] = ["image/jpg", "image/gif", "image/png", "text/javascript"]
    _place(request).update(keywords="cards", cat=None)
    request.setdefault("user", {}).update(yob=1961, gender="f")


def prebid(request: Json) -> None:
    _ext(request, prebid={
        "targeting": {"pricegranularity": {"precision": 2, "ranges": [{"max": 20, "increment": 0.1}]},
                      "includewinners": True},
        "cache": {"bids": {"returnCreative": True}}, "channel": {"name": "pbjs", "version": "v8.1.0"}, "debug": False,
        "bidderparams": {"x": {"profile": "1"}}, "aliases": {"dsp2": "dsp"}, "auctiontimestamp": 1_700_000_000_000,
        "schains": [{"bidders": ["dsp"], "schain": {"complete": 1, "ver": "1.0", "nodes": []}}],
    })  # fmt: skip
    for imp in request["imp"]:
        _ext(imp, prebid={"bidder": {"dsp": {"placementId": 12_345}}, "adunitcode": "div-1",
                          "storedrequest": {"id": "s"}},
             gpid="/1234/home#div-1", data={"pbadslot": "/1234/home", "adserver": {"name": "gam",
                                                                                   "adslot": "/1234/home"}},
             tid="9f8c9f1e", ae=1, igs={"ae": 1})  # fmt: skip
    _ext(request.setdefault("user", {}), prebid={"buyeruids": {"dsp": "u-1"}}, eids=[
        {"source": "adserver.example", "uids": [{"id": "03b5", "atype": 1, "ext": {"rtiPartner": "TDID"}}]},
        {"source": "id5-sync.example", "uids": [{"id": "ID5*abc", "atype": 1, "ext": {"linkType": 2}}]},
    ], data={"registered": True, "interests": ["cars"]})  # fmt: skip
    _ext(request.setdefault("device", {}), cdep="treatment_1.1", prebid={"interstitial": {"minwidthperc": 60}})
    request["source"] = {"fd": 1, "tid": "t-1", "ext": {"schain": {
        "ver": "1.0", "complete": 1, "nodes": [{"asi": "ssp.example", "sid": "00001", "hp": 1, "rid": "r"}],
    }}}  # fmt: skip


def verbose(request: Json) -> None:
    """Everything that an SDK knows, in one ``ext``: some 50 KB, of any depth and type."""
    deep: Any = {"end": [None, True, 1e-9, -0.0, "…"]}
    for level in range(25):
        deep = {"level": level, "inside": [deep]}
    _ext(request, debug={f"key{n}": ["value ü 漢字 😀", n, n / 7, None, {}] for n in range(900)}, deep=deep)
    for imp in request["imp"]:
        _ext(imp, sdk={"log": 'line\\n\t"quoted"\u2028' * 40})


HABITS: tuple[Habit, ...] = (
    plain, google, xandr, magnite, pubmatic, openx, index, criteo, smaato, mopub, nexage, prebid, verbose,
)  # fmt: skip
