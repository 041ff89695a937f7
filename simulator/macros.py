"""Substitution of OpenRTB macros (section 4.4 of OpenRTB 2.6) into notice URLs and markup."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from urllib.parse import quote

MACRO = re.compile(r"\$\{(AUCTION_[A-Z_]+)(?::([A-Z0-9]+))?\}")


def substitute(text: str, values: Mapping[str, str]) -> str:
    """``${AUCTION_PRICE}`` -> its value, percent-encoded; ``${AUCTION_PRICE:B64}`` -> the same in web-safe base64.

    A macro without a value here becomes empty, and so does one with a suffix that was not agreed on: that is how an
    exchange says that it does not tell.
    """

    def value(match: re.Match[str]) -> str:
        plain = values.get(match[1], "")
        if match[2] == "B64":
            return urlsafe_b64encode(plain.encode()).decode()
        return "" if match[2] else quote(plain, safe="")

    return MACRO.sub(value, text)
