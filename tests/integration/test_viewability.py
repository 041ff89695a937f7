"""What the script in a measured banner tells, in a real browser: every ad is a page of another origin in a sandboxed
frame, as publishers show them, and the trackers are a server that writes down what it hears.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import web

from bidder.creative_texts import LARGE, banner
from domain.creative import Creative, Tracker
from openrtb import marks
from tests.chromium import Browser, Tab, chromium

PAGE = "<!DOCTYPE html><body style='margin:0;height:5000px'>{ads}</body>"
FRAME = (
    '<iframe {sandbox} src="{url}" width="{width}" height="{height}" scrolling="no" '
    'style="border:0;position:absolute;left:{left}px;top:{top}px"></iframe>'
)
WINDOW = "[innerWidth, innerHeight]"
PATIENCE_S = 1.6
"""A view takes a second to be told; who has not told one after this will not."""


class Publisher:
    """Pages, ads and trackers, by two names of this machine, which are two origins."""

    def __init__(self) -> None:
        self.port = 0
        self.pages: dict[str, str] = {}
        self.told: Counter[tuple[str, str]] = Counter()
        """(ad, event)"""
        self.moments: dict[tuple[str, str], float] = {}
        self.more = asyncio.Condition()

    def ad(self, name: str, left: int, top: int, width: int = 300, height: int = 250, framed: bool = True) -> str:
        """A banner with our script, which tells its events under ``name``."""
        creative = Creative(
            id=1,
            key=name,
            advertiser=1,
            width=width,
            height=height,
            landing_url="https://bank.example/",
            image_url=f"http://localhost:{self.port}/image",
            viewability=True,
            trackers=(Tracker("viewable", f"http://localhost:{self.port}/third/{name}?a=1&b=</script>"),),
        )
        text = banner(creative).replace(marks.EVENT, f"http://localhost:{self.port}/event/{name}")
        for mark, path in ((marks.CLICK, "click"), (marks.IMPRESSION, "impression")):
            text = text.replace(mark, f"http://localhost:{self.port}/{path}/{name}")
        assert not marks.has_mark(text)
        if not framed:
            return f'<div style="position:absolute;left:{left}px;top:{top}px">{text}</div>'
        self.pages[name] = f"<!DOCTYPE html><body style='margin:0'>{text}</body>"
        url = f"http://localhost:{self.port}/page?{urlencode({'name': name})}"
        return FRAME.format(sandbox='sandbox="allow-scripts"', url=url, width=width, height=height, left=left, top=top)

    def site(self, *ads: str) -> str:
        self.pages["site"] = PAGE.format(ads="".join(ads))
        return f"http://127.0.0.1:{self.port}/page?name=site"

    async def page(self, request: web.Request) -> web.Response:
        return web.Response(text=self.pages[request.query["name"]], content_type="text/html")

    async def image(self, request: web.Request) -> web.Response:
        return web.Response()

    async def hear(self, request: web.Request) -> web.Response:
        event = request.query.get("e", request.match_info["kind"])
        async with self.more:
            self.told[request.match_info["name"], event] += 1
            self.moments[request.match_info["name"], event] = asyncio.get_running_loop().time()
            self.more.notify_all()
        return web.Response()

    async def hears(self, name: str, event: str) -> None:
        async with self.more:
            await self.more.wait_for(lambda: self.told[name, event])

    def views(self, *names: str) -> dict[str, int]:
        return {name: self.told[name, "viewable"] for name in names}


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    made = Publisher()
    app = web.Application()
    app.add_routes([web.get("/page", made.page), web.get("/image", made.image)])
    app.add_routes([web.get("/{kind:event|impression|click|third}/{name}", made.hear)])
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with chromium(tmp_path / "profile") as started:
        yield started


@pytest.fixture
async def tab(browser: Browser) -> Tab:
    made = await browser.tab()
    await browser.call("Emulation.setDeviceMetricsOverride", made.session, width=1000, height=800, deviceScaleFactor=1,
                       mobile=False)  # fmt: skip
    return made


async def settled(publisher: Publisher, name: str) -> None:
    """Returns when this ad's view was told, and every other could have been."""
    await publisher.hears(name, "viewable")
    await asyncio.sleep(PATIENCE_S - 1)


async def test_a_view_is_half_of_an_ad_and_30_percent_of_a_large_one(publisher: Publisher, tab: Tab) -> None:
    """The window is 800 high: an ad at 675 shows 125 of 250 lines."""
    assert LARGE == 970 * 250
    site = publisher.site(
        publisher.ad("whole", 0, 0),
        publisher.ad("own page", 320, 0, framed=False),
        publisher.ad("half", 0, 675),
        publisher.ad("less than half", 310, 676),
        publisher.ad("below", 0, 1200),
        publisher.ad("large, a third", 0, 620, 600, 600),
        publisher.ad("large, a quarter", 640, 651, 340, 714),
        publisher.ad("small, a third", 640, 700, 300, 250),
    )
    await tab.open(site)
    assert await tab.run(WINDOW) == [1000, 800]
    shown = asyncio.get_running_loop().time()
    await settled(publisher, "whole")
    for name in ("half", "own page", "large, a third"):
        await publisher.hears(name, "viewable")
    assert {name for name, event in publisher.told if event == "viewable"} == {
        "whole", "own page", "half", "large, a third",
    }  # fmt: skip
    assert set(publisher.told.values()) == {1}  # also of the third party, and of impressions
    assert publisher.told["whole", "third"] == publisher.told["below", "impression"] == 1
    assert publisher.moments["half", "viewable"] > publisher.moments["half", "impression"] + 0.9
    assert publisher.moments["half", "viewable"] > shown


async def test_a_view_is_a_second_without_a_break(publisher: Publisher, tab: Tab) -> None:
    await tab.open(publisher.site(publisher.ad("ad", 0, 1200), publisher.ad("first", 0, 0)))
    await settled(publisher, "first")
    for _ in range(2):
        await tab.run("scrollTo(0, 1000); new Promise(done => setTimeout(done, 600))")
        await tab.run("scrollTo(0, 0); new Promise(done => setTimeout(done, 100))")
    await asyncio.sleep(PATIENCE_S - 1)
    assert publisher.views("first", "ad") == {"first": 1, "ad": 0}
    await tab.run("scrollTo(0, 1000)")
    await publisher.hears("ad", "viewable")
    await tab.run("scrollTo(0, 0)")
    await tab.run("scrollTo(0, 1000); new Promise(done => setTimeout(done, 1300))")
    assert publisher.views("first", "ad") == {"first": 1, "ad": 1}


async def test_in_a_hidden_tab_nothing_is_in_view(publisher: Publisher, tab: Tab) -> None:
    await tab.open(publisher.site(publisher.ad("ad", 0, 1200)))
    await publisher.hears("ad", "impression")
    await tab.run("scrollTo(0, 1000); new Promise(done => setTimeout(done, 200))")
    await tab.show(minimised=True)
    await asyncio.sleep(PATIENCE_S)
    assert publisher.views("ad") == {"ad": 0}
    await tab.show(minimised=False)
    await publisher.hears("ad", "viewable")


async def test_who_leaves_the_page_tells_what_was_not_in_view_and_nothing_twice(publisher: Publisher, tab: Tab) -> None:
    await tab.open(publisher.site(publisher.ad("seen", 0, 0), publisher.ad("unseen", 0, 1200)))
    await settled(publisher, "seen")
    await tab.open("about:blank")
    await publisher.hears("unseen", "not_viewable")
    await asyncio.sleep(PATIENCE_S - 1)
    assert {(name, event): n for (name, event), n in publisher.told.items() if "viewable" in event} == {
        ("seen", "viewable"): 1,
        ("unseen", "not_viewable"): 1,
    }
