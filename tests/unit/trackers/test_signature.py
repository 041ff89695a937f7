"""Signatures of server postbacks."""

import hashlib
import hmac
import re
from pathlib import Path

import pytest

from domain.keys import Keys, postback_secret
from domain.token import Forged
from trackers.conversions import check_signature

KEYS = Keys(seal=bytes(16), mac=bytes(16), postback=b"k" * 32)
SECRET = postback_secret(KEYS, "acme")
NOW = 1_700_000_000
BODY = b'{"event":"lead","order":"1"}'


def sign(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("seconds", [0, -300, 300])
def test_a_fresh_signature_is_good(seconds: int) -> None:
    timestamp = str(NOW + seconds)
    check_signature(SECRET, timestamp, sign(SECRET, timestamp, BODY), BODY, NOW)
    check_signature(SECRET, timestamp, sign(SECRET, timestamp, BODY).upper(), BODY, NOW)


@pytest.mark.parametrize(
    ("timestamp", "signature", "body", "says"),
    [
        (str(NOW - 301), None, BODY, "within 300 s"),
        (str(NOW + 301), None, BODY, "within 300 s"),
        ("", None, BODY, "unix seconds"),
        ("yesterday", None, BODY, "unix seconds"),
        ("-5", None, BODY, "unix seconds"),
        (str(NOW), "", BODY, "not the signature"),
        (str(NOW), "é", BODY, "not the signature"),
        (str(NOW), sign(SECRET, str(NOW), BODY)[:-1], BODY, "not the signature"),
        (str(NOW), sign(SECRET, str(NOW - 1), BODY), BODY, "not the signature"),
        (str(NOW), sign(SECRET, str(NOW), BODY), BODY + b" ", "not the signature"),
        (str(NOW), sign(postback_secret(KEYS, "other"), str(NOW), BODY), BODY, "not the signature"),
    ],
)
def test_anything_else_is_refused(timestamp: str, signature: str | None, body: bytes, says: str) -> None:
    if signature is None:
        signature = sign(SECRET, timestamp, body)
    with pytest.raises(Forged, match=says):
        check_signature(SECRET, timestamp, signature, body, NOW)


def test_the_documented_example_is_right() -> None:
    text = (Path(__file__).parents[3] / "docs" / "trackers.md").read_text()
    found = re.search(r"X-Outbid-Timestamp: (\d+)\nX-Outbid-Signature: (\w+)\n\n(.*)\n```", text)
    secret = re.search(r"^`(\w{64})`", text, re.MULTILINE)
    assert found and secret
    timestamp, signature, body = found.groups()
    check_signature(secret[1], timestamp, signature, body.encode(), int(timestamp))
