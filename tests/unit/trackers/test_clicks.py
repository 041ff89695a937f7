"""Click ids, and landing URLs that get one."""

import secrets

import pytest

from domain.keys import Keys
from trackers.click_ids import ClickIds
from trackers.clicks import with_click_id

KEYS = Keys(seal=bytes(16), mac=bytes(16), postback=bytes(32))


@pytest.mark.parametrize(("bid", "imp"), [(0, 0), (7 << 32 | 1, 3), (2**64 - 1, 2**16 - 1)])
def test_an_id_reads_back(bid: int, imp: int) -> None:
    ids = ClickIds(KEYS)
    text = ids.make(bid, imp)
    assert len(text) == 22 and text == ids.make(bid, imp)
    assert ids.read(text) == (bid, imp)


def test_an_id_tells_nothing_and_cannot_be_made_up() -> None:
    ids = ClickIds(KEYS)
    text = ids.make(1, 0)
    assert sum(a != b for a, b in zip(text, ids.make(2, 0), strict=True)) > 10
    others = ClickIds(Keys(seal=bytes(16), mac=b"m" * 16, postback=bytes(32)))
    assert others.read(text) is None
    assert all(ids.read(secrets.token_urlsafe(16)) is None for _ in range(1000))
    for place in range(21):  # of the last character two bits are padding
        altered = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        assert ids.read(altered) is None


@pytest.mark.parametrize("text", ["", "x", "!" * 22, "é" * 22, "A" * 23, "A" * 22, "A=" * 11])
def test_garbage_is_no_id(text: str) -> None:
    assert ClickIds(KEYS).read(text) is None


@pytest.mark.parametrize(
    ("landing", "location"),
    [
        ("https://a.example", "https://a.example?obclid=ID"),
        ("https://a.example/p?x=1", "https://a.example/p?x=1&obclid=ID"),
        ("https://a.example/p?x=1#top", "https://a.example/p?x=1&obclid=ID#top"),
        ("https://a.example/#/route?y=2", "https://a.example/?obclid=ID#/route?y=2"),
        ("https://a.example/?q=a%2Fb+c&r=~x", "https://a.example/?q=a%2Fb+c&r=~x&obclid=ID"),
        ("https://a.example/卡?词=1", "https://a.example/%E5%8D%A1?%E8%AF%8D=1&obclid=ID"),
        ("https://a.example/a b\r\nX: y", "https://a.example/a%20b%0D%0AX:%20y?obclid=ID"),
    ],
)
def test_the_landing_url_stays_as_the_advertiser_wrote_it(landing: str, location: str) -> None:
    assert with_click_id(landing, "ID") == location
