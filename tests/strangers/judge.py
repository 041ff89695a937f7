"""What an answer of the port is worth, judged by the exchange's own checker and by `soundness`, without the bidder."""

import json
from decimal import Decimal
from typing import Any, NamedTuple

from simulator.checker import Answer as Checked
from simulator.checker import Checker
from simulator.offer import read_offer
from tests.strangers import soundness
from tests.strangers.soundness import Verdict
from tests.strangers.wire import Answer

RATES = {
    (base, quote): Decimal(rate)
    for base, quote, rate in (
        ("EUR", "USD", "1.1"), ("USD", "CNY", "7"), ("EUR", "CNY", "7.7"), ("GBP", "USD", "1.25"), ("GBP", "EUR",
                                                                                                    "1.136"),
        ("GBP", "CNY", "8.75"),
    )
}  # fmt: skip
CHECKER = Checker(RATES | {(quote, base): 1 / rate for (base, quote), rate in RATES.items()})
CURRENCIES = {"usx": "USD", "eux": "EUR", "cnx": "CNY"}
INVALID, OURS_FAILED = 2, 1
BEFORE_TARGETING = (INVALID, 15, 506, 510, 512)
"""No-bid reasons of the stages before targeting (docs/no-bid-reasons.md)."""


class Bid(NamedTuple):
    imp: str
    deal: str
    price: Decimal


class Judged(NamedTuple):
    status: int
    refused: bool
    """As malformed or invalid."""
    reason: int | None
    bids: frozenset[Bid]
    faults: tuple[str, ...]
    """Whatever an exchange would object to."""


def judge(answer: Answer, document: Any, exchange: str = "usx") -> Judged:
    """The answer to that request; what is no JSON is judged without it (``None``)."""
    faults: list[str] = []
    reason = answer.nbr
    if answer.status == 400:
        return Judged(400, True, None, frozenset(), ("a body with status 400",) if answer.body else ())
    if answer.status not in (200, 204):
        return Judged(answer.status, False, reason, frozenset(), (f"status {answer.status} {answer.headers}",))
    if reason == OURS_FAILED:
        faults.append("the bidder failed")
    checked, sound = _read(answer, document, exchange), soundness.of_request(document)
    if checked.fault:
        faults.append(checked.fault)
    reason = checked.reason if checked.reason is not None else reason
    defective = soundness.defective_imps(document)
    for bid in checked.bids:
        if bid.refused:
            faults.append(f"bid on {bid.imp!r}: {bid.why}")
        if bid.imp in defective:
            faults.append(f"bid on the defective imp {bid.imp!r}")
    if checked.bids and sound is Verdict.DEFECTIVE:
        faults.append("bids on an unusable request")
    bids = frozenset(Bid(bid.imp, bid.deal.id if bid.deal else "", bid.price) for bid in checked.bids)
    return Judged(answer.status, reason == INVALID, reason, bids, tuple(faults))


def _read(answer: Answer, document: Any, exchange: str) -> Checked:
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict):
        return Checked(fault="bids on what is no object") if b'"impid"' in answer.body else Checked()
    # Numbers as an exchange reads its own request: digit for digit.
    told = json.loads(json.dumps(document), parse_float=Decimal)
    return CHECKER.read(answer.status, answer.body, read_offer(told, currency=CURRENCIES[exchange], auction_type=2))
