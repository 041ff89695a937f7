"""Bid tokens: what was sealed comes back, for its own kind only; anything else is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.context_word import MOST
from domain.events import Kind
from domain.token import Forged, Sealer, Token
from openrtb import url_lengths
from tests.examples import examples

SEALER = Sealer(b"0123456789abcdef", b"fedcba9876543210")
u64, u32, u16 = (st.integers(0, 2**bits - 1) for bits in (64, 32, 16))
FORMAT = 7 << 25
unformed = st.builds(
    Token, bid=u64, imp=u16, bid_ns=u64, person=u64, site=u64, max_price=st.integers(0, 2**63 - 1), advertiser=u32,
    campaign=u32, line_item=u32, creative=u32, deal=u32, lease=u32, rate=u32, terms=u32, exchange=u16, expiry_s=u16,
    basis=st.integers(1, 6), format=st.integers(0, 3), test=st.booleans(),
    device=u32, household=u32, context=st.integers(0, MOST),
)  # fmt: skip
tokens = unformed.map(lambda one: replace(one, context=one.context & ~FORMAT | (one.format + 1) << 25))
EXAMPLE = Token(7 << 32, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 2, 1, False, context=2 << 25)
OLD = (
    Token(7 << 32 | 9, 2, 1_700_000_000_000_000_000, 2**64 - 3, 2**63 + 5, 4_000_000, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
          2, 3, True, 2**32 - 1, 77, 4 << 25),
    Token(7 << 32 | 10, 2, 1_700_000_000_000_000_000, 2**64 - 3, 2**63 + 5, 4_000_000, 5, 6, 7, 8, 9, 10, 11, 12, 13,
          14, 4, 0, False, context=1 << 25),
)  # fmt: skip
"""What `OLD_TEXTS` say."""
OLD_TEXTS = (
    "CQAAAAcAAAACAAMAz6KHmRs7OAbjEHROvvU9tx1AQ3tKhRkjYF40JDjjoYHkC3j8rLJ9ZgwluEHTiOhHKgBUuH4MkLMliJas8dXMUwp4Q0TWLwFjrD6p"
    "5zr7Xq7O2CoaozbY8Q5kx4nwEzOF165myG0",
    "CgAAAAcAAAACAAMAZIjiqVrgMh6g7-EjlEDb696k8qKqJwT4jYj_5ZOYLofQ81eTW7XrCWbMB2Thun5TrzjUJe4dYcK9ppxjdfE3VVxBK_EWhqk_KTtQ"
    "iDSm8efhckZpTlRwA66J_XqFBvrPSmkYM2o",
)
"""Impression tokens of version 3, as the release before this one sealed them."""


@given(tokens, st.sampled_from(Kind), st.binary(max_size=40))
def test_a_token_comes_back(token: Token, kind: Kind, extra: bytes) -> None:
    text = SEALER.bind_token(SEALER.seal_token(token), kind, extra)
    assert len(text) == 155 == url_lengths.TOKEN and len(text) <= 160
    assert SEALER.open(text, kind, extra) == token


@settings(max_examples=examples(300))
@given(st.integers(0, 154), st.characters(codec="ascii"))
def test_any_other_character_is_refused(place: int, character: str) -> None:
    text = SEALER.bind_token(SEALER.seal_token(EXAMPLE), Kind.WIN)
    altered = text[:place] + character + text[place + 1 :]
    if altered != text:
        with pytest.raises(Forged):
            SEALER.open(altered, Kind.WIN)


@pytest.mark.parametrize("kind", [k for k in Kind if k != Kind.WIN])
def test_another_kind_is_refused(kind: Kind) -> None:
    with pytest.raises(Forged, match="another kind"):
        SEALER.open(SEALER.bind_token(SEALER.seal_token(EXAMPLE), Kind.WIN), kind)


def test_the_landing_url_is_bound() -> None:
    text = SEALER.bind_token(SEALER.seal_token(EXAMPLE), Kind.CLICK, b"https://bank.example/")
    assert SEALER.open(text, Kind.CLICK, b"https://bank.example/") == EXAMPLE
    for other in (b"https://evil.example/", b""):
        with pytest.raises(Forged):
            SEALER.open(text, Kind.CLICK, other)


def test_parts_of_two_tokens_make_none() -> None:
    other = Token(8 << 32, 0, 1, 2, 3, 10**9, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 2, 1, False)
    one, two = (SEALER.bind_token(SEALER.seal_token(t), Kind.BILLING) for t in (EXAMPLE, other))
    for cut in (16, 60, 100, 144):
        with pytest.raises(Forged):
            SEALER.open(one[:cut] + two[cut:], Kind.BILLING)


def test_other_keys_open_nothing() -> None:
    text = SEALER.bind_token(SEALER.seal_token(EXAMPLE), Kind.WIN)
    with pytest.raises(Forged):
        Sealer(b"x" * 16, b"fedcba9876543210").open(text, Kind.WIN)
    with pytest.raises(Forged):
        Sealer(b"0123456789abcdef", b"x" * 16).open(text, Kind.WIN)


@pytest.mark.parametrize("text", ["", "short", "é" * 155, "A" * 150, "A" * 151, "A" * 154, "A" * 155, "A" * 156])
def test_what_is_no_token(text: str) -> None:
    with pytest.raises(Forged):
        SEALER.open(text, Kind.WIN)


@pytest.mark.parametrize(("text", "token"), list(zip(OLD_TEXTS, OLD, strict=True)))
def test_tokens_that_were_in_flight_before_an_upgrade_open(text: str, token: Token) -> None:
    assert SEALER.open(text, Kind.IMPRESSION) == token
    with pytest.raises(Forged, match="another kind"):
        SEALER.open(text, Kind.WIN)
    for place in range(len(text)):
        with pytest.raises(Forged):
            SEALER.open(text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :], Kind.IMPRESSION)


def test_keys_of_another_length() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Sealer(b"short", b"0" * 16)
