"""Cookie sync, log-ins and the browser's opt-out, by browsers that keep cookies and one that does not."""

import re
import shutil
from collections.abc import AsyncIterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import aiohttp
import msgspec
import pytest

from domain.campaign import Snapshot
from domain.creative import every_format
from domain.exchange import Exchange, UserSync
from domain.naming import person_key
from targeting.forgotten import Forgotten
from targeting.record import OPT_OUT, is_member
from tests.integration.trackers.conftest import Control, Deployment, advertiser
from trackers.desk import DESK, PIXEL
from trackers.joins import JOINS

USX = Exchange(1, "usx", "USD", every_format("burl"), user_sync=UserSync(
    match="https://sync.usx.example/m?dsp=outbid&u=${UID}&gdpr=${GDPR}&c=${GDPR_CONSENT}&us=${US_PRIVACY}",
    answer="https://sync.usx.example/done?u=${UID}&gpp=${GPP}&sid=${GPP_SID}",
))  # fmt: skip
CNX = Exchange(2, "cnx", "CNY", every_format("burl"), user_sync=UserSync(uid="buyeruid"))
ON_PAGE = "https://www.acme.example/"
HASH = "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514"


@pytest.fixture
def control() -> Control:
    advertisers = (advertiser(10, "acme"),)
    return Control(msgspec.msgpack.encode(Snapshot(1, 0, (USX, CNX), (), advertisers, (), (), (), (), ())))


class Browser:
    """Follows redirects to the tracker itself, and says where it was led otherwise."""

    def __init__(self, tracker: Deployment, *, keeps_cookies: bool = True) -> None:
        jar = aiohttp.CookieJar(unsafe=True) if keeps_cookies else aiohttp.DummyCookieJar()
        self.tracker, self.session = tracker, aiohttp.ClientSession(cookie_jar=jar)

    async def get(self, path: str, **headers: str) -> tuple[int, bytes, str]:
        """Status, body and where it leads."""
        for _ in range(3):
            async with self.session.get(self.tracker.base + path, headers=headers, allow_redirects=False) as answer:
                location = answer.headers.get("Location", "")
                if not location.startswith("?"):
                    return answer.status, await answer.read(), location
                path = f"{urlsplit(path).path}{location}"
        raise AssertionError("it goes round in circles")

    @property
    def id(self) -> str:
        return next((cookie.value for cookie in self.session.cookie_jar if cookie.key == "outbid"), "")

    @property
    def key(self) -> int:
        return person_key("cookie", self.id)


@pytest.fixture
async def browser(tracker: Deployment) -> AsyncIterator[Browser]:
    one = Browser(tracker)
    yield one
    await one.session.close()


def keys(tracker: Deployment, key: int) -> set[int]:
    """All keys that the tracker knows to be one person's."""
    assert tracker.server is not None
    return set(tracker.server.app[JOINS]._store.identity.keys(key))  # type: ignore[union-attr]


def counts(tracker: Deployment) -> dict[str, int]:
    assert tracker.server is not None
    found = tracker.server.app[DESK].counts  # type: ignore[union-attr]
    return {name.removeprefix("join."): count for name, count in found.items() if name.startswith("join.")}


async def test_an_exchange_tells_its_id_and_is_answered_as_declared(tracker: Deployment, browser: Browser) -> None:
    status, _, location = await browser.get("/sync/usx?uid=U%2B1%2Fx&gpp_sid=-1&next=https://evil.example/")
    assert (status, location) == (302, f"https://sync.usx.example/done?u={browser.id}&gpp=&sid=-1")
    assert keys(tracker, browser.key) == {browser.key, person_key("user", "U+1/x", "usx")}
    assert (await browser.get("/sync/cnx?uid=7"))[:2] == (200, PIXEL)
    assert keys(tracker, browser.key) == {
        browser.key, person_key("user", "U+1/x", "usx"), person_key("buyeruid", "7", "cnx")
    }  # fmt: skip
    await browser.get("/sync/cnx?uid=7")
    assert counts(tracker) == {"joined": 2, "known": 1}


async def test_we_tell_our_id(tracker: Deployment, browser: Browser) -> None:
    status, _, location = await browser.get("/match/usx?us_privacy=1YNN")
    assert (status, location) == (
        302, f"https://sync.usx.example/m?dsp=outbid&u={browser.id}&gdpr=&c=&us=1YNN"
    )  # fmt: skip
    assert keys(tracker, browser.key) == {browser.key, person_key("buyeruid", browser.id, "usx")}
    assert (await browser.get("/match/cnx"))[0] == 404, "it takes none"


async def test_a_page_begins_all_syncs(tracker: Deployment, browser: Browser) -> None:
    status, page, _ = await browser.get('/sync?us_privacy=1YNN&gdpr=0&junk="><script>')
    images = [unescape(source) for source in re.findall(rb'src="([^"]*)"', page)[0].decode().split()]
    assert status == 200 and b"script" not in page and b"junk" not in page
    assert [urlsplit(image).path for image in images] == ["match/usx"]
    assert parse_qs(urlsplit(images[0]).query) == {"us_privacy": ["1YNN"], "gdpr": ["0"]}


async def test_a_log_in_names_the_person_behind_the_cookie(tracker: Deployment, browser: Browser) -> None:
    path = f"/identify?advertiser=acme&email_sha256={HASH}&id=C-17"
    assert (await browser.get(path, Referer=ON_PAGE))[:2] == (200, PIXEL)
    assert keys(tracker, browser.key) == {
        browser.key, person_key("email_sha256", HASH), person_key("first_party", "C-17", "acme")
    }  # fmt: skip
    other = Browser(tracker)
    await other.get(f"/identify?advertiser=acme&email_sha256={HASH.upper()}", Referer=ON_PAGE)
    assert other.key in keys(tracker, browser.key), "the same person's other browser"
    await other.session.close()


@pytest.mark.parametrize("page", ["", "https://rival.example/?acme.example"])
async def test_another_site_joins_nobody_with_an_address_that_it_knows(
    tracker: Deployment, browser: Browser, page: str
) -> None:
    path = f"/identify?advertiser=acme&email_sha256={HASH}&id=C-17"
    assert (await browser.get(path, **{"Referer": page} if page else {}))[:2] == (200, PIXEL)
    assert browser.id and keys(tracker, browser.key) == {browser.key} and not counts(tracker)
    assert b'"person.on_another_site": 1' in (await tracker.get("/health"))[1]


REFUSED = [
    ("/identify?advertiser=acme&email=ann@example.com", "email"),
    ("/identify?advertiser=acme&id=ann@example.com", "id"),
    ("/identify?advertiser=acme&email_sha256=ann@example.com", "email_sha256"),
    ("/identify?advertiser=acme&phone=%2B15550100123", "phone"),
    ("/identify?advertiser=acme&id=%2B15550100123", "id"),
    ("/identify?advertiser=acme", "query"),
    ("/sync/usx", "uid"),
    ("/sync/usx?uid=${USER_ID}", "uid"),
    ("/sync/usx?uid=%25%25UID%25%25", "uid"),
    ("/sync/usx?uid=undefined", "uid"),
    ("/sync/usx?uid=a%20b", "uid"),
    (f"/sync/usx?uid={'a' * 2000}", "uid"),
]


@pytest.mark.parametrize(("path", "name"), REFUSED)
async def test_what_is_no_id_is_refused_and_not_repeated(
    tracker: Deployment, browser: Browser, path: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    status, said, _ = await browser.get(path)
    assert status == 400 and said.startswith(f"{name}: ".encode())
    for text in (said.decode(), caplog.text):
        assert "ann@" not in text and "5550100123" not in text
    assert not browser.id and not counts(tracker)


async def test_unknown_exchanges_and_advertisers(browser: Browser) -> None:
    assert (await browser.get("/sync/nyx?uid=1"))[0] == 404
    assert (await browser.get("/match/nyx"))[0] == 404
    assert (await browser.get(f"/identify?advertiser=nobody&email_sha256={HASH}"))[0] == 404


@pytest.mark.parametrize("signals", ["us_privacy=1YYN", "gdpr=1", "gdpr=1&gdpr_consent=CPxyz", "gpp_sid=7", "gpc"])
async def test_without_consent_nothing_is_set_sent_or_joined(
    tracker: Deployment, browser: Browser, signals: str
) -> None:
    headers = {"Sec-GPC": "1"} if signals == "gpc" else {}
    assert await browser.get(f"/match/usx?{signals}", **headers) == (200, PIXEL, "")
    status, _, location = await browser.get(f"/sync/usx?uid=1&{signals}", **headers)
    assert status == 302 and parse_qs(urlsplit(location).query).get("u") is None
    assert b"img" not in (await browser.get(f"/sync?{signals}", **headers))[1]
    await browser.get(f"/identify?advertiser=acme&id=7&{signals}", **headers, Referer=ON_PAGE)
    assert not browser.id and not counts(tracker)


async def test_a_browser_that_keeps_no_cookies_is_joined_with_nothing(tracker: Deployment) -> None:
    browser = Browser(tracker, keeps_cookies=False)
    assert await browser.get("/match/usx") == (200, PIXEL, "")
    assert (await browser.get("/sync/usx?uid=1"))[2] == "https://sync.usx.example/done?u=&gpp=&sid="
    assert not counts(tracker)
    await browser.session.close()


async def test_an_opt_out_is_of_all_ids_and_for_good(tracker: Deployment, browser: Browser) -> None:
    await browser.get("/sync/usx?uid=1")
    theirs = keys(tracker, browser.key)
    status, said, _ = await browser.get("/optout?us_privacy=1YYN")
    assert status == 200 and said.startswith(b"You have opted out") and not browser.id
    assert tracker.server is not None
    store = tracker.server.app[JOINS]._store  # type: ignore[union-attr]
    assert len(theirs) == 2 and all(is_member(record or b"", OPT_OUT) for record in store.get_many(sorted(theirs)))
    assert await browser.get("/match/usx") == (200, PIXEL, "") and not browser.id
    other = Browser(tracker)
    await other.get("/sync/usx?uid=1")
    assert keys(tracker, other.key) == {other.key} and counts(tracker) == {"joined": 1, "refused": 1}
    await other.session.close()


async def test_an_opt_out_outlives_the_profile_store(tracker: Deployment, browser: Browser) -> None:
    await browser.get("/sync/usx?uid=1")
    theirs = sorted(keys(tracker, browser.key))
    await browser.get("/optout")
    await tracker.stop()
    shutil.rmtree(tracker.place.data / "profiles.lmdb")
    await tracker.start()
    other = Browser(tracker)
    await other.get("/sync/usx?uid=1")
    assert tracker.server is not None
    store = tracker.server.app[JOINS]._store  # type: ignore[union-attr]
    assert store.members(OPT_OUT) == theirs and counts(tracker) == {"refused": 1}
    await other.session.close()


async def test_who_was_forgotten_is_not_joined_again(tracker: Deployment, browser: Browser) -> None:
    Forgotten(tracker.place.data).add([person_key("user", "1", "usx")], 1)
    await browser.get("/sync/usx?uid=1")
    assert keys(tracker, browser.key) == {browser.key} and counts(tracker) == {"refused": 1}
