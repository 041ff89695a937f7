"""Clearing prices that an exchange encrypts, so that nobody who sees a notice's URL can read or make one.

The scheme is Google's (Authorized Buyers, "Decrypt Price Confirmations"), which other exchanges use as well:

    iv (16 bytes) || price XOR HMAC-SHA1(encryption key, iv)[:8] || HMAC-SHA1(integrity key, price || iv)[:4]

in web-safe base64 without padding; ``price`` is CPM micros, 8 bytes, big-endian.
"""

import hmac
from base64 import b64decode
from dataclasses import dataclass

_IV, _PRICE, _SIGNATURE = 16, 8, 4


class Unreadable(ValueError):
    """The text is no price that the exchange encrypted with these keys."""


@dataclass(frozen=True)
class PriceKeys:
    """What an exchange agreed with us: 32 bytes each."""

    encryption: bytes
    integrity: bytes

    @classmethod
    def read(cls, text: str) -> "PriceKeys":
        """From `domain.exchange.Exchange.price_key`."""
        both = b64decode(text, altchars=b"-_", validate=True)
        if len(both) != 64:
            raise ValueError(f"the two keys have {len(both)} bytes together, not 64")
        return cls(both[:32], both[32:])

    def decrypt(self, text: str) -> int:
        """The CPM in micros. Raises `Unreadable`."""
        word = text.strip().rstrip("=")
        try:
            sealed = b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise Unreadable("it is no web-safe base64") from None
        if len(sealed) != _IV + _PRICE + _SIGNATURE:
            raise Unreadable(f"it has {len(sealed)} bytes, not {_IV + _PRICE + _SIGNATURE}")
        iv, covered, signature = sealed[:_IV], sealed[_IV:-_SIGNATURE], sealed[-_SIGNATURE:]
        pad = hmac.digest(self.encryption, iv, "sha1")
        price = bytes(a ^ b for a, b in zip(covered, pad, strict=False))
        if not hmac.compare_digest(hmac.digest(self.integrity, price + iv, "sha1")[:_SIGNATURE], signature):
            raise Unreadable("its signature is not by these keys")
        return int.from_bytes(price, "big")
