"""Visits, clicks and conversions make and end memberships, on a tracker over HTTP with its real log and store."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest

from domain.audience_rule import AllOf, Happened, Not
from domain.campaign import Advertiser, Audience, Snapshot
from domain.clock import SECOND
from domain.events import Kind, Mark, Visit
from domain.naming import person_key
from domain.person import Stage, conversion_kind
from targeting.profiles import ProfileStore
from targeting.record import NEVER
from targeting.unpacked import Record, unpack
from tests.integration.trackers.conftest import NOON_NS

NOON = NOON_NS // SECOND
DAY = 86_400
LOANS = AllOf((Happened("visited", 7 * DAY, pages=("loans/*",)), Not(Happened("converted", events=("application",)))))
CALM = AllOf((Happened("shown", 3 * DAY), Not(Happened("shown", DAY))))
COOKIE = "AAAAAAAAAAAAAAAAAAAAAA"
BROWSER = person_key("cookie", COOKIE)


def published(audiences: dict[int, Any], version: int = 2) -> bytes:
    advertisers = (
        Advertiser(10, "acme", "A", "USD", "UTC", "acme.example", ("IAB13",), lifecycle={"application": "applied"}),
        Advertiser(11, "other", "O", "USD", "UTC", "other.example", ("IAB13",)),
    )
    known = tuple(Audience(id, f"a{id}", 10, "A", 0, rule=rule) for id, rule in audiences.items())
    return msgspec.msgpack.encode(Snapshot(version, 0, (), (), advertisers, (), (), (), (), known))


@pytest.fixture
def control(control: Any) -> Any:
    control.body = published({1: LOANS, 2: CALM, 3: Happened("converted", DAY, 2)})
    return control


def browser(cookie: str = COOKIE, page: str = "https://www.acme.example/") -> dict[str, str]:
    return {"Cookie": f"outbid={cookie}", "Referer": page}


async def visit(
    tracker: Any, page: str, cookie: str = COOKIE, on: str = "https://www.acme.example/", **told: str
) -> int:
    query = urlencode({"advertiser": "acme", "page": page} | told)
    headers = browser(cookie, on)
    async with tracker.session.get(f"{tracker.base}/visit?{query}", headers=headers) as answer:
        return int(answer.status)


async def record(tracker: Any, person: int) -> Record:
    """When all that was logged is in it."""
    await tracker.stop()
    with ProfileStore(tracker.place.data / "profiles.lmdb") as profiles:
        found = unpack(profiles.reader().get(person) or b"")
    await tracker.start()
    return found


def visits(tracker: Any) -> list[Visit]:
    return [event for event in tracker.logged() if isinstance(event, Visit)]


async def test_a_visit_is_logged_and_makes_a_member_until_it_is_long_ago(tracker: Any) -> None:
    assert await visit(tracker, "loans/home", url="https://WWW.acme.example/loans/home?name=Eve#top") == 200
    tracker.clock.advance(60)
    assert await visit(tracker, "cards") == 200
    first = Visit(NOON_NS, 0, 10, "loans/home", "www.acme.example/loans/home", 0, BROWSER)
    assert visits(tracker) == [first, Visit(NOON_NS + 60 * SECOND, 0, 10, "cards", "", 0, BROWSER)]
    found = await record(tracker, BROWSER)
    assert found.segments == {1: NOON + 7 * DAY}
    assert found.relations[10].visited_s == NOON + 60


async def test_a_conversion_of_the_browser_ends_it_and_reaches_a_stage(tracker: Any) -> None:
    await visit(tracker, "loans/home")
    query = "advertiser=acme&event=application&order="
    for order, headers in (("1", browser()), ("1", browser()), ("2", browser(page="https://rival.example/"))):
        async with tracker.session.get(f"{tracker.base}/conversion?{query}{order}", headers=headers) as answer:
            assert answer.status == 200
    assert [c.person for c in tracker.conversions()] == [BROWSER, BROWSER, 0]
    assert [c.bid for c in tracker.conversions()] == [0] * 3
    found = await record(tracker, BROWSER)
    assert found.segments == {}
    assert (found.relations[10].stage, found.relations[10].since_s) == (Stage.APPLIED, NOON)
    assert found.conversions[conversion_kind(10, "application")].total == 1
    await visit(tracker, "loans/home")
    assert (await record(tracker, BROWSER)).segments == {}


async def test_who_came_by_a_click_is_who_clicked(tracker: Any) -> None:
    token, hidden = tracker.token(person=77), tracker.token(person=0)
    clicks = []
    for one in (token, hidden):
        _, _, headers = await tracker.get(tracker.click(one))
        clicks.append(parse_qs(urlsplit(headers["Location"]).query)["obclid"][0])
    for obclid in (*clicks, "nonsense"):
        await visit(tracker, "loans/home", obclid=obclid)
    assert [(one.bid, one.person) for one in visits(tracker)] == [(token.bid, 77), (hidden.bid, 0), (0, BROWSER)]
    found = await record(tracker, 77)
    assert found.segments == {1: NOON + 7 * DAY}
    assert found.relations[10].clicked_s == NOON


@pytest.mark.parametrize("page", ["", "https://rival.example/acme.example", "https://notacme.example/", "https://[::1"])
async def test_another_site_makes_nobody_a_visitor(tracker: Any, page: str) -> None:
    assert await visit(tracker, "loans/home", on=page) == 200
    assert [one.person for one in visits(tracker)] == [0]
    assert b'"person.on_another_site": 1' in (await tracker.get("/health"))[1]


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({"gdpr": "1"}, {}), ({"us_privacy": "1YYN"}, {}),
        ({}, {"Sec-GPC": "1"}), ({}, {"Cookie": f"outbid={COOKIE}; outbid-optout=1"}),
    ],
)  # fmt: skip
async def test_where_signals_forbid_it_nobody_is_known(
    tracker: Any, query: dict[str, str], headers: dict[str, str]
) -> None:
    """Neither by the cookie nor by the click, which are of a time when it was allowed; and yet all is counted."""
    token = tracker.token(person=77)
    _, _, answered = await tracker.get(tracker.click(token))
    obclid = parse_qs(urlsplit(answered["Location"]).query)["obclid"][0]
    for click in ({}, {"obclid": obclid}):
        for path in ("/visit?page=loans/home", f"/conversion?event=application&order={len(click)}"):
            url = f"{tracker.base}{path}&{urlencode({'advertiser': 'acme'} | query | click)}"
            async with tracker.session.get(url, headers=browser() | headers) as answer:
                assert answer.status == 200
    for told in (visits(tracker), tracker.conversions()):
        assert [(one.bid, one.person, one.marks) for one in told] == [(0, 0, 0), (token.bid, 0, 0)]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"page": ""}, 400), ({"page": "a b"}, 400), ({"page": "x" * 129}, 400), ({"page": "a\0"}, 400),
        ({"url": "javascript:alert(1)"}, 400), ({"url": "https://[::1"}, 400), ({"advertiser": "nobody"}, 404),
    ],
)  # fmt: skip
async def test_a_visit_that_makes_no_sense_is_refused(tracker: Any, query: dict[str, str], status: int) -> None:
    assert await visit(tracker, **{"page": "loans/home"} | query) == status
    assert visits(tracker) == []


async def test_a_visit_after_the_click_on_a_test_counts_nowhere(tracker: Any) -> None:
    _, _, headers = await tracker.get(tracker.click(tracker.token(person=77, test=True)))
    obclid = parse_qs(urlsplit(headers["Location"]).query)["obclid"][0]
    await visit(tracker, "loans/home", obclid=obclid)
    assert [one.marks for one in visits(tracker)] == [Mark.TEST]
    assert (await record(tracker, 77)) == Record()


async def test_a_membership_begins_again_without_an_event(tracker: Any) -> None:
    """Shown within three days, and not within one: from the second day on."""
    await tracker.get(tracker.path(tracker.token(person=77), Kind.IMPRESSION, "p=1"))
    assert (await record(tracker, 77)).segments == {}

    for day, there in ((DAY - 1, []), (DAY, [77]), (3 * DAY - 1, [77]), (3 * DAY, [])):
        tracker.clock.time_ns = NOON_NS + day * SECOND
        await tracker.stop()  # looks at what is due
        with ProfileStore(tracker.place.data / "profiles.lmdb") as profiles:
            assert profiles.members(2) == there
            segments = unpack(profiles.reader().get(77) or b"").segments
        await tracker.start()
        assert segments == ({2: NOON + 3 * DAY} if there else {})


async def test_a_rule_is_followed_as_it_is_published(tracker: Any, control: Any) -> None:
    await visit(tracker, "cards")
    control.body = published({4: Happened("visited", DAY, pages=("cards",))}, version=3)
    person, number = 0, 0
    while not person:  # until the next look at control
        number += 1
        cookie = f"{number:022d}"
        await visit(tracker, "cards", cookie)
        found = await record(tracker, person_key("cookie", cookie))
        person = 4 in found.segments
    control.body = None  # away: what was known is known after a start
    await visit(tracker, "cards", "B" * 22)
    assert (await record(tracker, person_key("cookie", "B" * 22))).segments == {4: NOON + DAY}


async def test_of_rules_for_ever_the_members_have_no_end(tracker: Any, control: Any) -> None:
    control.body = published({1: Happened("converted", events=("lead",))}, version=3)
    await tracker.stop()
    await tracker.start()
    token = tracker.token(person=77)
    _, _, headers = await tracker.get(tracker.click(token))
    obclid = parse_qs(urlsplit(headers["Location"]).query)["obclid"][0]
    assert (await tracker.get(f"/conversion?advertiser=acme&event=lead&order=1&obclid={obclid}"))[0] == 200
    found = await record(tracker, 77)
    assert found.segments == {1: NEVER}


async def test_a_lost_store_is_made_again_from_the_log(tracker: Any) -> None:
    for page in ("loans/home", "cards", "loans/x"):
        await visit(tracker, page)
        tracker.clock.advance(DAY)
    await tracker.get(tracker.path(tracker.token(person=BROWSER), Kind.IMPRESSION, "p=1"))
    before = await record(tracker, BROWSER)
    assert set(before.segments) == {1}
    await tracker.stop()
    for file in (tracker.place.data / "profiles.lmdb").iterdir():
        file.unlink()
    await tracker.start()
    assert await record(tracker, BROWSER) == before
