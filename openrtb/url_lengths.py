"""How long the tracker URLs of an ad are: each under 512 characters, all of a bid together under 4 KB.

Exchanges, players and proxies cut or refuse what is longer. The length is known when a creative is saved: tokens are
all of one length, and what else differs is the landing page's address, how often an ad links to it, and how much it
reports.
"""

from urllib.parse import quote

from openrtb import marks

URL_MOST, ALL_MOST = 511, 4095
ADDRESS = 40
"""Characters that are reckoned with for the tracker's own address, scheme included."""
TOKEN = 155
"""Of the sealed part and the MAC (`domain.token`)."""
PRICE = len("?p=${AUCTION_PRICE}")
PATHS = {
    marks.CLICK: len("/click/?u="),
    marks.CLICKED: len("/clicked/"),
    marks.IMPRESSION: len("/impression/") + PRICE,
    marks.EVENT: len("/event/"),
}
NOTICES = sum(
    ADDRESS + TOKEN + len(path)
    for path in (
        "/win/?p=${AUCTION_PRICE}&c=${AUCTION_CURRENCY}&m=${AUCTION_MIN_TO_WIN}",
        "/billing/?p=${AUCTION_PRICE}&c=${AUCTION_CURRENCY}",
        "/loss/?r=${AUCTION_LOSS}&m=${AUCTION_MIN_TO_WIN}",
    )
)
"""Of ``nurl``, ``burl`` and ``lurl``, by the standard's macros."""
LANDING_MOST = URL_MOST - ADDRESS - TOKEN - PATHS[marks.CLICK]
"""Of a landing page's address, percent-encoded."""


def of_landing(landing_url: str) -> int:
    """Of the address as it stands in a click URL."""
    return len(quote(landing_url, safe=""))


def of_bid(markup: str, landing_url: str) -> int:
    """Of all tracker URLs of a bid with this markup, whose places are marked (`openrtb.marks`)."""
    total, after = NOTICES, ""
    for text, mark in marks.cut(markup):
        if after == marks.EVENT:
            total += len(text.partition("]]>")[0].partition('"')[0])
        if mark in PATHS:
            total += ADDRESS + TOKEN + PATHS[mark] + (of_landing(landing_url) if mark == marks.CLICK else 0)
        after = mark
    return total
