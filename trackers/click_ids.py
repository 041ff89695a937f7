"""Click ids: what a landing page gets as ``obclid`` and hands back with a conversion.

An id is one AES block over (bid, imp, constant): 22 characters, always the same for the same ad shown, telling nothing
to whoever sees it. One in 2⁴⁸ invented ids would decrypt to the constant, and it would still have to be a click that
was logged.
"""

import hashlib
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from domain.keys import Keys

PARAMETER = "obclid"
_CHECK = b"obclid"


class ClickIds:
    """Makes and reads click ids under the deployment's keys."""

    def __init__(self, keys: Keys) -> None:
        key = hashlib.blake2b(keys.seal, key=keys.mac, person=b"outbid click id", digest_size=16).digest()
        self._cipher = Cipher(AES(key), ECB())

    def make(self, bid: int, imp: int) -> str:
        block = self._cipher.encryptor().update(struct.pack(">QH6s", bid, imp, _CHECK))
        return urlsafe_b64encode(block)[:22].decode()

    def read(self, text: str) -> tuple[int, int] | None:
        """(bid, imp), or None if the id is not one of ours."""
        if len(text) != 22:
            return None
        try:
            block = urlsafe_b64decode(text + "==")
        except (Base64Error, ValueError):
            return None
        if len(block) != 16:
            return None
        bid, imp, check = struct.unpack(">QH6s", self._cipher.decryptor().update(block))
        return (bid, imp) if check == _CHECK else None
