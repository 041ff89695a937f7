"""Which price is believed, by where the exchange said that its prices are."""

from base64 import urlsafe_b64encode
from pathlib import Path

import msgspec
import pytest

from domain.creative import FORMATS, every_format
from domain.events import Kind, Mark
from domain.exchange import Exchange
from domain.token import Token
from simulator.sealed_price import encrypt
from trackers.directory import Directory, Listing
from trackers.prices import read_told

KEY = urlsafe_b64encode(bytes(range(64))).decode()
OTHER_KEY = urlsafe_b64encode(bytes(64)).decode()
EXCHANGES = (
    Exchange(1, "macro", "USD", every_format("burl")),
    Exchange(2, "sealed", "USD", every_format("burl"), price_source=every_format("encrypted"), price_key=KEY),
    Exchange(3, "silent", "USD", every_format("burl"), price_source=every_format("none")),
    Exchange(4, "mixed", "USD", every_format("burl"), price_source={"banner": "encrypted"}, price_key=KEY),
)
SEALED = encrypt(1_500_000, KEY, b"0123456789abcdef")
NO_PRICE = (0, Mark.NO_PRICE)


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    path = tmp_path / "directory.msgpack"
    path.write_bytes(msgspec.msgpack.encode(Listing(1, (), EXCHANGES)))
    return Directory("http://127.0.0.1:1/", path)


def token(exchange: int, format_: str = "banner") -> Token:
    return Token(
        bid=1, imp=0, bid_ns=0, person=0, site=0, max_price=2_000_000, advertiser=1, campaign=1, line_item=1,
        creative=1, deal=0, lease=0, rate=0, terms=0, exchange=exchange, expiry_s=1, basis=int(Kind.BILLING),
        format=FORMATS.index(format_), test=False,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("exchange", "query", "told", "fault"),
    [
        (1, {"p": "1.5", "c": "USD"}, (1_500_000, Mark(0)), ""),
        (1, {"p": "1.5", "c": "EUR"}, NO_PRICE, "price.wrong_currency"),
        (1, {"p": "free"}, NO_PRICE, "price.unreadable"),
        (1, {"p": ""}, NO_PRICE, ""),
        (1, {"p": "9"}, (2_000_000, Mark.CAPPED), ""),
        (1, {"e": SEALED}, NO_PRICE, ""),
        (2, {"e": SEALED, "c": "USD"}, (1_500_000, Mark(0)), ""),
        (2, {"e": SEALED, "p": "0.01"}, (1_500_000, Mark(0)), ""),
        (2, {"e": SEALED, "c": "EUR"}, NO_PRICE, "price.wrong_currency"),
        (2, {"e": encrypt(9_000_000, KEY, bytes(16))}, (2_000_000, Mark.CAPPED), ""),
        (2, {"e": encrypt(1_500_000, OTHER_KEY, bytes(16))}, NO_PRICE, "price.undecryptable"),
        (2, {"e": "1.5"}, NO_PRICE, "price.undecryptable"),
        (2, {"e": ""}, NO_PRICE, ""),
        (2, {"p": "1.5"}, NO_PRICE, "price.ignored"),
        (2, {"p": "AUDIT"}, NO_PRICE, "price.ignored"),
        (2, {"e": "AUDIT"}, (0, Mark.AUDIT), ""),
        (3, {}, NO_PRICE, ""),
        (3, {"p": "1.5"}, NO_PRICE, "price.ignored"),
        (3, {"p": "AUDIT"}, NO_PRICE, "price.ignored"),
        (3, {"e": SEALED}, NO_PRICE, "price.ignored"),
        (9, {"p": "1.5", "c": "EUR"}, (1_500_000, Mark(0)), ""),
    ],
)
def test_a_price_is_believed_where_the_exchange_puts_it(
    directory: Directory, exchange: int, query: dict[str, str], told: tuple[int, Mark], fault: str
) -> None:
    assert read_told(directory, token(exchange), query) == (*told, fault)


def test_formats_have_sources_of_their_own(directory: Directory) -> None:
    assert read_told(directory, token(4), {"p": "1.5"}).marks == Mark.NO_PRICE
    assert read_told(directory, token(4, "video"), {"p": "1.5"}).price == 1_500_000
