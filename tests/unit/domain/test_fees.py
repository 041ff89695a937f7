"""Fees never come out higher than what was reserved for them, and a bid with its fees is never above what was named."""

from hypothesis import given
from hypothesis import strategies as st

from domain.campaign import FeePart, FeeTerms
from domain.fees import gross, most_media, shares, split

parts = st.lists(
    st.builds(FeePart, st.just("fee"), st.just(1), st.integers(0, 10**6), st.integers(0, 10**7)), max_size=4
)
money = st.integers(0, 10**13)


def test_by_hand() -> None:
    terms = FeeTerms(1, (FeePart("fee", 1, 125_000, 0), FeePart("data", 7, 0, 400_000)))
    assert shares(terms) == (125_000, 400_000)
    assert split(2_000_001, terms) == [250_000, 400_000]
    assert gross(2_000_001, 125_000, 400_000) == 2_650_001
    assert most_media(2_650_000, 125_000, 400_000) == 2_000_000
    assert most_media(400_000, 125_000, 400_000) == most_media(1, 125_000, 400_000) == 0
    assert shares(None) == (0, 0) and split(5, None) == []


@given(parts, money, money)
def test_what_is_booked_is_within_what_was_reserved(listed: list[FeePart], bid: int, less: int) -> None:
    terms = FeeTerms(1, tuple(listed))
    media = max(0, bid - less)
    assert media + sum(split(media, terms)) <= gross(bid, *shares(terms))


@given(parts, money)
def test_the_highest_media_price_that_fits(listed: list[FeePart], named: int) -> None:
    of = shares(FeeTerms(1, tuple(listed)))
    media = most_media(named, *of)
    assert media == 0 or gross(media, *of) <= named
    assert gross(media + 1, *of) >= named
