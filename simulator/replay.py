"""Recorded auctions of the iPinYou contest, each turned into a valid bid request and settled as it was then.

The file is a raw impression log: TAB-separated, no header, the fields of `COLUMNS`, prices as CPM in RMB fen. Each row
becomes one second-price request (``at`` 2) in CNY: the floor is the recorded floor, the best competing bid the recorded
market price, and a person who is shown our ad clicks if the recorded one did. What a row does not say is left out.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.errors import Problem, Refused
from simulator.config import Seller
from simulator.exchange import Auction
from simulator.offer import encode_request

COLUMNS = (
    "click", "weekday", "hour", "bidid", "timestamp", "logtype", "ipinyouid", "useragent", "ip", "region", "city",
    "adexchange", "domain", "url", "urlid", "slotid", "slotwidth", "slotheight", "slotvisibility", "slotformat",
    "slotprice", "creative", "bidprice", "payprice", "keypage", "advertiser", "usertag",
)  # fmt: skip

POSITIONS = {"FirstView": 1, "SecondView": 3, "ThirdView": 3, "FourthView": 3, "FifthView": 3}
"""How far down the page the slot is -> list 5.4: above the fold, below it; anything else is unknown."""

TMAX_MS = 100
"""What the contest's exchanges allowed."""

MISSING = ("", "null", "Na")

SYSTEMS = {
    "windows": "Windows NT 6.1",
    "mac": "Macintosh; Intel Mac OS X 10_8_5",
    "linux": "X11; Linux x86_64",
    "android": "Linux; Android 4.2.2; GT-I9500",
    "ios": "iPhone; CPU iPhone OS 7_0 like Mac OS X",
    "other": "compatible",
}
BROWSERS = {
    "chrome": "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/30.0.1599.101 Safari/537.36",
    "ie": "Mozilla/5.0 (compatible; MSIE 10.0; {}; Trident/6.0)",
    "firefox": "Mozilla/5.0 ({}; rv:24.0) Gecko/20100101 Firefox/24.0",
    "safari": "Mozilla/5.0 ({}) AppleWebKit/536.30.1 (KHTML, like Gecko) Version/6.0.5 Safari/536.30.1",
    "opera": "Opera/9.80 ({}) Presto/2.12.388 Version/12.16",
    "maxthon": "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Maxthon/4.1.3.2000 Chrome/26.0 Safari/537.36",
    "theworld": "Mozilla/4.0 (compatible; MSIE 8.0; {}; Trident/4.0; TheWorld)",
    "sogou": "Mozilla/4.0 (compatible; MSIE 8.0; {}; Trident/4.0; SE 2.X MetaSr 1.0)",
    "other": "Mozilla/5.0 ({})",
}
"""The log names families (``windows_chrome``); these are what such browsers sent in October 2013."""


def replay_ipinyou(path: Path, seller: Seller) -> Iterator[Auction]:
    """The auctions of the file, in its order. Raises `Refused` at the first row that is none, naming line and field."""
    if seller.currency != "CNY":
        raise Refused([Problem("exchange", seller.key, "iPinYou's prices are CNY; it must be an exchange in CNY")])
    try:
        lines = path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Refused([Problem(str(path), error.strerror, "it must be a file that can be read")]) from None
    with lines:
        for number, line in enumerate(lines, 1):
            yield _auction(f"{path}, line {number}", number, line.rstrip("\r\n").split("\t"), seller)


def _auction(where: str, number: int, cells: list[str], seller: Seller) -> Auction:
    if len(cells) != len(COLUMNS):
        raise Refused([Problem(where, len(cells), f"a row of an impression log has {len(COLUMNS)} fields")])
    row = dict(zip(COLUMNS, cells, strict=True))

    def whole(field: str) -> int:
        if not (row[field].isascii() and row[field].isdigit()):
            raise Refused([Problem(f"{where}, {field}", row[field], "it must be a whole number")])
        return int(row[field])

    request: dict[str, Any] = {
        "id": f"{row['bidid']}-{number}",  # a few bid ids occur twice
        "imp": [_imp(row, whole("slotwidth"), whole("slotheight"), whole("slotprice"))],
        "device": _device(row),
        "user": _user(row),
        "at": 2,
        "tmax": TMAX_MS,
        "cur": ["CNY"],
    }
    if row["domain"] not in MISSING:
        request["site"] = {"domain": row["domain"]}
        if row["url"] not in MISSING:
            request["site"]["page"] = f"http://{row['domain']}/{row['url']}"
    market = Decimal(whole("payprice")) / 100
    return Auction(seller, encode_request(request), request, market, clicks=whole("click") > 0)


def _imp(row: dict[str, str], width: int, height: int, floor_fen: int) -> dict[str, Any]:
    banner: dict[str, Any] = {"w": width, "h": height, "pos": POSITIONS.get(row["slotvisibility"], 0)}
    imp: dict[str, Any] = {"id": "1", "banner": banner, "tagid": row["slotid"]}
    if floor_fen:
        imp |= {"bidfloor": Decimal(floor_fen) / 100, "bidfloorcur": "CNY"}
    return imp


def _device(row: dict[str, str]) -> dict[str, Any]:
    system, _, browser = row["useragent"].partition("_")
    ua = BROWSERS.get(browser, BROWSERS["other"]).format(SYSTEMS.get(system, SYSTEMS["other"]))
    geo = {"country": "CHN", "region": row["region"], "city": row["city"], "type": 2}
    # the log's last octet is masked; a truncated address is written with a zero
    return {"ua": ua, "ip": row["ip"].replace("*", "0"), "geo": geo, "language": "zh"}


def _user(row: dict[str, str]) -> dict[str, Any]:
    """The contest's user id is the one that the buyer knows the person by."""
    user: dict[str, Any] = {}
    if row["ipinyouid"] not in MISSING:
        user["buyeruid"] = row["ipinyouid"]
    if row["usertag"] not in MISSING:
        user["data"] = [{"name": "ipinyou", "segment": [{"id": tag} for tag in row["usertag"].split(",")]}]
    return user
