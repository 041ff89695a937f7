"""A click leads to the page that was sealed in, with a click id, and nowhere else."""

from urllib.parse import parse_qs, quote, urlsplit

import pytest

from domain.events import Kind, Mark

ELSEWHERE = "https://phishing.example/"


async def test_a_click_is_logged_and_redirected_with_its_id(tracker) -> None:
    token = tracker.token()
    status, _, headers = await tracker.get(tracker.click(token))
    assert status == 302 and headers["Cache-Control"] == "no-store"
    landed = urlsplit(headers["Location"])
    assert (landed.scheme, landed.netloc, landed.path, landed.fragment) == ("https", "acme.example", "/apply", "form")
    query = parse_qs(landed.query)
    assert query["src"] == ["ad"] and len(query["obclid"][0]) == 22
    (notice,) = tracker.notices()
    assert (notice.kind, notice.bid, notice.marks, notice.price) == (Kind.CLICK, token.bid, 0, 0)


async def test_a_second_click_leads_there_too_and_counts_nowhere(tracker) -> None:
    path = tracker.click(tracker.token())
    first, second = await tracker.get(path), await tracker.get(path)
    assert first[2]["Location"] == second[2]["Location"]
    assert [Mark(notice.marks) for notice in tracker.notices()] == [Mark(0), Mark.DUPLICATE]


@pytest.mark.parametrize(
    "landing",
    [
        "https://acme.example/?q=a+b%20c&x=%2F",
        "https://acme.example/卡?词=值",
        "https://acme.example/?u=https://x.example",
    ],
)
async def test_any_landing_url_survives_the_road(tracker, landing: str) -> None:
    status, _, headers = await tracker.get(tracker.click(tracker.token(), landing))
    assert status == 302
    joint = "&" if "?" in landing else "?"
    assert headers["Location"].startswith(quote(f"{landing}{joint}obclid=", safe="%:/?#[]@!$&'()*+,;=~"))


async def test_the_redirect_cannot_be_bent(tracker) -> None:
    path = tracker.click(tracker.token())
    address, query = path.split("?")
    bent = [
        f"{address}?u={quote(ELSEWHERE, safe='')}",
        f"{address}?u={quote(ELSEWHERE, safe='')}&{query}",  # before the real one
        f"{address}?{query}{quote('.evil.example', safe='')}",
        f"{address}?{query.replace('acme', 'acne')}",
        f"{address}?u=//phishing.example",
        tracker.path(tracker.token(), Kind.IMPRESSION).replace("/impression/", "/click/") + f"?{query}",
        tracker.click(tracker.token(), ELSEWHERE).split("?")[0] + f"?{query}",  # another bid's token
    ]
    for forged in bent:
        status, _, headers = await tracker.get(forged)
        assert status == 403 and "Location" not in headers, forged
    status, body, headers = await tracker.get(address)
    assert status == 400 and b"u: None is not allowed" in body and "Location" not in headers
    assert tracker.notices() == []
    status, _, headers = await tracker.get(f"{path}&u={quote(ELSEWHERE, safe='')}")  # behind it: the real one goes
    assert urlsplit(headers["Location"]).netloc == "acme.example"


async def test_the_click_on_an_audited_impression_counts_nowhere(tracker) -> None:
    token = tracker.token()
    await tracker.get(tracker.path(token, Kind.IMPRESSION, "p=AUDIT"))
    status, _, headers = await tracker.get(tracker.click(token))
    assert status == 302 and "obclid=" in headers["Location"]  # the person gets where they wanted to go
    assert [Mark(notice.marks) for notice in tracker.notices()] == [Mark.AUDIT, Mark.AUDIT]
