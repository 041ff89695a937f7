"""Our cookie: who gets it, how it is written, and whom it makes of a browser."""

import re

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from domain.naming import person_key
from openrtb.tcf import Vendor
from tests.consent_writing import TcState
from trackers.consent import Consents
from trackers.cookies import COOKIES, Cookies, person_of, take_away, welcome

OURS = TcState(vendor_consents={755}).text()
OTHERS = TcState(vendor_consents={10}).text()


@pytest.mark.parametrize(
    ("query", "headers", "may"),
    [
        ({}, {}, True),
        ({"gdpr": "0", "gdpr_consent": "", "us_privacy": "1YNN"}, {}, True),
        ({"gdpr": "1", "gdpr_consent": OURS}, {}, True),
        ({"gdpr": "1", "gdpr_consent": OTHERS}, {}, False),
        ({"gdpr": "1"}, {}, False),
        ({"gdpr": "${GDPR}", "gdpr_consent": "${GDPR_CONSENT_755}"}, {}, False),
        ({"gpp": f"DBABMA~{OURS}", "gpp_sid": "2"}, {}, True),
        ({"gpp": f"DBABMA~{OTHERS}", "gpp_sid": "2"}, {}, False),
        ({"gpp_sid": "7_8"}, {}, False),
        ({"gpp_sid": "-1"}, {}, True),
        ({"gpp_sid": "${GPP_SID}"}, {}, False),
        ({"us_privacy": "1YYN"}, {}, False),
        ({}, {"Sec-GPC": "1"}, False),
        ({}, {"DNT": "1"}, False),
        ({}, {"DNT": "0"}, True),
        ({}, {"DNT": b"0\xff".decode(errors="surrogateescape")}, False),
        ({}, {"Sec-GPC": b"\xff".decode(errors="surrogateescape")}, False),
        ({"us_privacy": b"1YN\xff".decode(errors="surrogateescape")}, {}, False),
    ],
)
def test_consent_is_judged_as_in_a_bid_request(query: dict[str, str], headers: dict[str, str], may: bool) -> None:
    assert Consents(Vendor(755)).allow(query, headers) is may


def test_nobody_consented_to_a_vendor_without_an_id() -> None:
    assert not Consents(Vendor()).allow({"gdpr": "1", "gdpr_consent": OURS}, {})


async def hello(request: web.Request) -> web.Response:
    answer = web.Response()
    answer.text = f"{welcome(request, answer)} {person_of(request)}"
    return answer


async def goodbye(request: web.Request) -> web.Response:
    answer = web.Response()
    take_away(request, answer)
    return answer


def client(cookies: Cookies) -> TestClient[web.Request, web.Application]:
    app = web.Application()
    app[COOKIES] = cookies
    app.add_routes([web.get("/hello", hello), web.get("/goodbye", goodbye)])
    return TestClient(TestServer(app))


async def test_a_browser_keeps_its_id_until_it_opts_out() -> None:
    async with client(Cookies(Consents(Vendor()), secure=False)) as browser:
        first, nobody = (await (await browser.get("/hello")).text()).split(" ")
        assert re.fullmatch(r"[A-Za-z0-9_-]{22}", first) and nobody == "0"
        again = await browser.get("/hello")
        assert (await again.text()) == f"{first} {person_key('cookie', first)}"
        assert "Set-Cookie" not in again.headers  # never renewed
        assert (await (await browser.get("/hello?us_privacy=1YYN")).text()) == " 0"
        await browser.get("/goodbye")
        assert (await (await browser.get("/hello")).text()) == " 0"
        forged = await browser.get("/hello", headers={"Cookie": "outbid=<script>"})
        assert "<" not in await forged.text()


async def test_cookies_of_other_sites_pages_are_written_as_browsers_want_them() -> None:
    async with client(Cookies(Consents(Vendor()), partitioned=True, days=10)) as browser:
        written = (await browser.get("/hello")).headers["Set-Cookie"]
        assert re.fullmatch(
            r"__Host-outbid=[A-Za-z0-9_-]{22}; Max-Age=864000; Path=/; HttpOnly; Secure; SameSite=None; Partitioned",
            written,
        )
        gone, out = (await browser.get("/goodbye")).headers.getall("Set-Cookie")
        assert gone.startswith("__Host-outbid=; Max-Age=0; ") and out.startswith(
            "__Host-outbid-optout=1; Max-Age=34560000; "
        )
