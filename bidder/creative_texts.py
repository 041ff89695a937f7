"""A creative as text: its markup, with marks where a bid's own URLs go, and the fields that all of its bids have."""

import html
import json

from domain.campaign import Advertiser
from domain.creative import CLICK_MACRO, FORMATS, IMPRESSION_MACRO, Creative
from openrtb import marks

XHTML_BANNER, SCRIPT, IFRAME = 2, 3, 4
"""Banner ad types, OpenRTB list 5.2."""

IMAGE_MARKUP = (
    '<a href="{click}" target="_blank" rel="noopener"><img src="{image}" width="{width}" height="{height}" alt="" '
    'style="border:0"></a>'
)
VIEWED = (
    '<div style="display:inline-block;vertical-align:top;width:{width}px;height:{height}px">{body}</div>'
    "<script>{script}</script>"
)
VIEW_SCRIPT = (
    "(function(){var e=document.currentScript.previousElementSibling,near=0,t=0,told=0,o;"
    "if(!window.IntersectionObserver)return;"
    "function once(){return told?0:(told=1,o.disconnect(),1)}"
    "function look(){var seen=near&&!document.hidden;"
    "if(seen&&!t)t=setTimeout(function(){if(once())SEEN.forEach(function(u){(new Image).src=u})},1000);"
    "else if(!seen&&t){clearTimeout(t);t=0}}"
    "o=new IntersectionObserver(function(a){near=a[a.length-1].intersectionRatio>=SHARE;look()},{threshold:SHARE});"
    "o.observe(e);document.addEventListener('visibilitychange',look);"
    "addEventListener('pagehide',function(){clearTimeout(t);if(once())UNSEEN.forEach(function(u){"
    "if(window.fetch)fetch(u,{mode:'no-cors',credentials:'include',keepalive:true}).catch(function(){})})})})()"
)
"""Pixels tell of views, as pages allow these wherever they allow trackers; only a request outlives a page that goes."""
LARGE = 242_500
"""Pixels from which on a display ad counts as large (MRC)."""
PIXEL_MARKUP = '<img src="{impression}" width="1" height="1" alt="" style="position:absolute;visibility:hidden">'


def is_secure(url: str) -> bool:
    """May a secure page load it? HTTPS, or a loopback address, which browsers trust too (W3C Secure Contexts, 3.1)."""
    return url.startswith(("https://", "http://127.0.0.1", "http://localhost", "http://[::1]"))


def banner(creative: Creative) -> str:
    """The HTML of a banner: what is shown, the impression's pixels, and what measures whether it was in view."""
    if creative.image_url:
        body = IMAGE_MARKUP.format(
            click=marks.CLICK, image=html.escape(creative.image_url), width=creative.width, height=creative.height
        )
    else:
        body = creative.markup.replace(CLICK_MACRO, marks.CLICK).replace(IMPRESSION_MACRO, marks.IMPRESSION)
    pixels = [] if marks.IMPRESSION in body else [marks.IMPRESSION]
    pixels += [html.escape(one.url) for one in creative.trackers if one.event == "impression"]
    if creative.viewability:
        script = view_script(creative)
        body = VIEWED.format(body=body, width=creative.width, height=creative.height, script=script)
    return body + "".join(PIXEL_MARKUP.format(impression=url) for url in pixels)


def view_script(creative: Creative) -> str:
    """Tells once that the banner was in view, half of it (of large ones 30 %) for a second without a break, in a tab
    that is not hidden, as the MRC's guideline for display has it; or, when the page is left, that it was not. It sees
    through frames of other origins. Browsers without IntersectionObserver tell nothing.
    """
    share = 0.3 if creative.width * creative.height >= LARGE else 0.5
    seen = [marks.event_url("viewable"), *(one.url for one in creative.trackers if one.event == "viewable")]
    unseen = [marks.event_url("not_viewable")]
    script = VIEW_SCRIPT.replace("SHARE", str(share))
    return script.replace("UNSEEN", _in_script(unseen)).replace("SEEN", _in_script(seen))


def _in_script(urls: list[str]) -> str:
    return json.dumps(urls, ensure_ascii=False).replace("<", "\\u003c")


def banner_type(creative: Creative) -> int:
    """What ``btype`` calls this creative; 0 for what is no banner."""
    if creative.format != "banner":
        return 0
    text = creative.markup.lower()
    return SCRIPT if creative.viewability or "<script" in text else IFRAME if "<iframe" in text else XHTML_BANNER


def bid_fields(creative: Creative, advertiser: Advertiser) -> dict[str, object]:
    """Fields of a bid (4.2.3) that only the creative decides. (``cat`` depends on the request: `bidder.brands`.)"""
    same: dict[str, object] = {
        "adomain": [creative.domain or advertiser.domain],
        "crid": str(creative.id),
        "attr": list(creative.attributes),
        "mtype": FORMATS.index(creative.format) + 1,
    }
    if creative.width:
        same |= {"w": creative.width, "h": creative.height}
    if creative.image_url:
        same["iurl"] = creative.image_url
    if creative.language:
        same["language"] = creative.language
    if creative.bundle:
        same["bundle"] = creative.bundle
    if creative.apis:
        same["apis"] = list(creative.apis)
    media = creative.video or creative.audio
    if media is not None:
        same["dur"] = -(-media.duration_ms // 1000)
    return same
