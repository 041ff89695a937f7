"""How an exchange encrypts what an impression costs (Google's scheme), written apart from the code that reads it."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode


def encrypt(cpm_micros: int, price_key: str, iv: bytes) -> str:
    """The value of ``${AUCTION_PRICE}``. ``price_key`` is both keys in base64; ``iv``: 16 bytes, others each time."""
    keys = urlsafe_b64decode(price_key)
    plain = cpm_micros.to_bytes(8, "big")
    pad = hmac.new(keys[:32], iv, hashlib.sha1).digest()
    covered = (cpm_micros ^ int.from_bytes(pad[:8], "big")).to_bytes(8, "big")
    signature = hmac.new(keys[32:], plain + iv, hashlib.sha1).digest()[:4]
    return urlsafe_b64encode(iv + covered + signature).decode().rstrip("=")
