"""Consent strings: what reading one costs, and what privacy signals cost a request, beside the same request without.

Each string is read anew every time: nothing is remembered between requests. The last line is the result as JSON.
"""

import json
import statistics
import timeit
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from domain.exchange import Exchange, Privacy
from openrtb.decode import decode, scans
from openrtb.gpp import us_choice
from openrtb.privacy import use_of
from openrtb.request import Request
from openrtb.tcf import Vendor

VECTORS = Path(__file__).parents[1] / "tests" / "vectors"
EXCHANGE = Exchange(1, "usx", "USD", {"banner": "burl"})
ROUNDS, CALLS = 9, 20_000
REQUEST: dict[str, Any] = {
    "id": "80ce30c53c16e6ede735f123ef6e32361bfc7b22",
    "imp": [{"id": "1", "bidfloor": 0.03, "banner": {"w": 300, "h": 250}}],
    "site": {"domain": "news.example", "cat": ["IAB3-1"]},
    "device": {"ua": "Mozilla/5.0 (X11; Linux x86_64)", "ip": "192.0.2.7", "geo": {"country": "DEU"}},
    "user": {"buyeruid": "5df678"},
}


def microseconds(work: Callable[[], object]) -> float:
    """Median of some rounds."""
    return round(statistics.median(timeit.repeat(work, number=CALLS, repeat=ROUNDS)) / CALLS * 1e6, 3)


def main() -> None:
    tcf = json.loads((VECTORS / "consent_tcf.json").read_text())["vectors"]
    us = next(v for v in json.loads((VECTORS / "consent_gpp.json").read_text())["vectors"] if v.get("id") == 7)
    ours, policy = Vendor(755), Privacy()
    texts = sorted((v["text"] for v in tcf if v["restrictions"]), key=len)
    result: dict[str, Any] = {"bench": "privacy"}
    for name, text in (("short", min((v["text"] for v in tcf), key=len)), ("usual", texts[0]), ("longest", texts[-1])):
        result[f"tcf_{name}_characters"] = len(text)
        result[f"tcf_{name}_us"] = microseconds(partial(ours.granted, text))
    result["us_section_us"] = microseconds(lambda: us_choice(7, us["sections"][0][1]))
    kinds: dict[str, dict[str, Any]] = {
        "quiet": {},
        "gdpr": {"regs": {"gdpr": 1}, "user": {"buyeruid": "5df678", "consent": texts[0]}},
        "gpp": {"regs": {"gpp": us["text"], "gpp_sid": [7]}},
        "us_privacy": {"regs": {"us_privacy": "1YNN"}},
    }
    request = Request()
    for name, parts in kinds.items():
        body = json.dumps({**REQUEST, **parts}).encode()
        assert scans(body, EXCHANGE)

        def read_and_judge(body: bytes = body) -> None:
            decode(request, body, EXCHANGE, 0)
            use_of(request, policy, ours)

        result[f"request_{name}_bytes"] = len(body)
        result[f"request_{name}_us"] = microseconds(read_and_judge)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
