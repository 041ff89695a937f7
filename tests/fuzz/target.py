"""What must hold for any bytes at all: decode raises nothing but `Malformed`, and the scanner says what the model says.

Both the fuzzer (`tests/fuzz/decode.py`) and the test of its corpus run this. It imports no test framework: the fuzzer
runs it in an environment of its own.
"""

from domain.exchange import Exchange
from openrtb.decode import decode, decode_through_model, scans
from openrtb.parse import Malformed
from openrtb.request import Request

EXCHANGE = Exchange(1, "usx", "USD", "burl")
NOW_NS = 1_795_521_600_000_000_000
FAST, REFERENCE = Request(), Request()


def check(body: bytes) -> bool:
    """Was it scanned? Raises AssertionError where the two ways of reading differ, and what decode should not raise."""
    if not scans(body, EXCHANGE):
        try:
            decode(FAST, body, EXCHANGE, NOW_NS)
        except Malformed as refusal:
            str(refusal).encode("ascii", "backslashreplace")  # it goes into a header of the answer
        return False
    reason = decode(FAST, body, EXCHANGE, NOW_NS)
    try:
        expected = decode_through_model(REFERENCE, body, EXCHANGE, NOW_NS)
    except Malformed as refusal:
        raise AssertionError(f"the scanner took what the model refuses: {refusal}") from None
    assert reason == expected, (reason, expected)
    if reason == 0:
        fast, reference = FAST.fields(), REFERENCE.fields()
        assert fast == reference, {key: (fast[key], reference[key]) for key in fast if fast[key] != reference[key]}
    return True
