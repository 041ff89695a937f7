"""Who we are to an exchange's creative API: a file of credentials into the headers that a call carries.

Google: a service account's key file as its console gives it (OAuth 2.0, RFC 7523: a signed JWT for an access token).
Xandr: ``{"username": …, "password": …}``, for a token of two hours.
"""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from domain.exchange import CreativeApi
from domain.settings import SettingsError

SCOPE = "https://www.googleapis.com/auth/realtime-bidding"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_S = 3600
XANDR_TOKEN_S = 7200
EARLY_S = 60
"""A token is given up so long before its end."""

FIELDS: Mapping[CreativeApi, tuple[str, ...]] = {
    "google": ("client_email", "private_key", "token_uri"),
    "xandr": ("username", "password"),
}


class Denied(Exception):
    """The exchange does not take our credentials."""


class Credentials:
    """One exchange's. Raises SettingsError for a file that cannot be used."""

    def __init__(self, api: CreativeApi, path: Path, base_url: str) -> None:
        self._api, self._base_url = api, base_url
        self._token, self._until = "", 0.0
        try:
            self._given: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise SettingsError(f"[creatives] credentials: {str(path)!r} cannot be read: {error}") from None
        missing = [name for name in FIELDS[api] if not isinstance(self._given, dict) or not self._given.get(name)]
        if missing:
            raise SettingsError(f"[creatives] credentials: {str(path)!r} must have {', '.join(missing)}")

    async def headers(self, session: aiohttp.ClientSession) -> dict[str, str]:
        """Of a call; a token is fetched when there is none. Raises Denied."""
        if time.monotonic() >= self._until:
            fetch = self._google if self._api == "google" else self._xandr
            self._token, lasts_s = await fetch(session)
            self._until = time.monotonic() + lasts_s - EARLY_S
        return {"Authorization": f"Bearer {self._token}" if self._api == "google" else self._token}

    def forget(self) -> None:
        """The token was refused: the next call fetches another."""
        self._until = 0.0

    async def _google(self, session: aiohttp.ClientSession) -> tuple[str, float]:
        asked = {"grant_type": GRANT, "assertion": self._assertion(int(time.time()))}
        async with session.post(self._given["token_uri"], data=asked) as answer:
            found = await _object(answer)
        token = found.get("access_token")
        if answer.status != 200 or not token:
            raise Denied(f"{self._given['token_uri']} says {found.get('error', answer.status)}")
        return str(token), float(found.get("expires_in", TOKEN_S))

    def _assertion(self, now_s: int) -> str:
        claims = {
            "iss": self._given["client_email"], "scope": SCOPE, "aud": self._given["token_uri"],
            "iat": now_s, "exp": now_s + TOKEN_S,
        }  # fmt: skip
        signed = f"{_text({'alg': 'RS256', 'typ': 'JWT'})}.{_text(claims)}"
        key = serialization.load_pem_private_key(self._given["private_key"].encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise Denied("the private key is none for RS256")
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"

    async def _xandr(self, session: aiohttp.ClientSession) -> tuple[str, float]:
        asked = {"auth": {"username": self._given["username"], "password": self._given["password"]}}
        async with session.post(f"{self._base_url}/auth", json=asked) as answer:
            found = (await _object(answer)).get("response")
        token = found.get("token") if isinstance(found, dict) else None
        if not token:
            raise Denied(f"{self._base_url}/auth gives no token")
        return str(token), XANDR_TOKEN_S


async def _object(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    if answer.status >= 500 or answer.status == 429:
        answer.raise_for_status()
    try:
        found = json.loads(await answer.read())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(claims: Mapping[str, Any]) -> str:
    return _base64(json.dumps(claims, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
