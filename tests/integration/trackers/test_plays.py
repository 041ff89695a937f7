"""Events of playing and viewing: one URL for all of a bid's, each counted once, none taken for another kind."""

import pytest

from domain.events import Kind, Mark, PlayEvent


@pytest.mark.parametrize("told", list(PlayEvent), ids=lambda event: event.name.lower())
async def test_every_event_is_logged(tracker, told: PlayEvent) -> None:
    token = tracker.token()
    tracker.clock.advance(1000)  # long after the bid's expiry: an ad plays as long as it does
    status, body, headers = await tracker.get(tracker.path(token, Kind.EVENT, f"e={told.name.lower()}"))
    assert (status, body[:3], headers["Cache-Control"]) == (200, b"GIF", "no-store")
    (notice,) = tracker.notices()
    assert (notice.kind, notice.event, notice.error, notice.marks) == (Kind.EVENT, told, 0, 0)
    assert (notice.bid, notice.line_item, notice.price) == (token.bid, token.line_item, 0)


async def test_an_error_has_the_players_code(tracker) -> None:
    for code, read in (("303", 303), ("[ERRORCODE]", 0), ("", 0), ("99999999999", 0), ("-1", 0)):
        await tracker.get(tracker.path(tracker.token(), Kind.EVENT, f"e=error&c={code}"))
        assert tracker.notices()[-1].error == read
    await tracker.get(tracker.path(tracker.token(), Kind.EVENT, "e=start&c=303"))
    assert tracker.notices()[-1].error == 0


async def test_an_event_counts_once_and_another_of_the_bid_besides(tracker) -> None:
    token = tracker.token()
    for name in ("start", "start", "complete"):
        assert (await tracker.get(tracker.path(token, Kind.EVENT, f"e={name}")))[0] == 200
    assert [Mark(notice.marks) for notice in tracker.notices()] == [Mark(0), Mark.DUPLICATE, Mark(0)]


async def test_an_event_of_a_test_counts_nowhere(tracker) -> None:
    await tracker.get(tracker.path(tracker.token(test=True), Kind.EVENT, "e=viewable"))
    assert tracker.notices()[0].marks & Mark.TEST


@pytest.mark.parametrize("query", ["", "e=", "e=Start", "e=impression", "e=START%00"])
async def test_an_unknown_event_is_refused(tracker, query: str) -> None:
    status, body, _ = await tracker.get(tracker.path(tracker.token(), Kind.EVENT, query))
    assert status == 400 and b"first_quartile" in body and not tracker.notices()


async def test_urls_of_one_kind_are_none_of_another(tracker) -> None:
    token = tracker.token()
    event, pixel = tracker.path(token, Kind.EVENT, "e=start"), tracker.path(token, Kind.IMPRESSION)
    for forged in (
        event.replace("/event/", "/impression/"),
        event.replace("/event/", "/clicked/"),
        pixel.replace("/impression/", "/event/") + "?e=start",
        tracker.click(token).replace("/click/", "/clicked/"),
    ):
        assert (await tracker.get(forged))[0] == 403, forged
    assert not tracker.notices()


async def test_a_click_that_leads_elsewhere_is_recorded_without_a_redirect(tracker) -> None:
    token = tracker.token()
    path = tracker.path(token, Kind.CLICK).replace("/click/", "/clicked/")
    status, body, headers = await tracker.get(path)
    assert (status, body[:3]) == (200, b"GIF") and "Location" not in headers
    (notice,) = tracker.notices()
    assert (notice.kind, notice.bid, notice.marks) == (Kind.CLICK, token.bid, 0)
    assert (await tracker.get(path.replace("/clicked/", "/click/")))[0] in (400, 403)
