"""Who asks the reporter for reports: whose rows they may see, by their bearer token."""

import hmac
import ipaddress
import time
from urllib.parse import urlsplit

from aiohttp import web

from domain.keys import Keys, internal_secret, report_key
from reporting import scope
from reporting.config import Reporting
from reporting.scope import ALL, Scope

_FORWARDED = ("forwarded", "x-real-ip", "via")


class Admission:
    """The deployment's secret sees everything; a token what it says. Without either, whoever asks from this host sees
    everything (setting ``anonymous``): the keys lie on it, too. A proxy of this host speaks for others, so what it
    passes on needs a token; and so does what asks for another host's name: a proxy that says no more than that, or a
    page in a browser whose name was made to lead here.
    """

    def __init__(self, keys: Keys, settings: Reporting) -> None:
        self._secret, self._key = internal_secret(keys).encode(), report_key(keys)
        self._settings = settings
        self._revoked = frozenset(settings.revoked_tokens)

    def scope(self, request: web.Request) -> Scope:
        """Raises HTTPUnauthorized, with the reason."""
        told = request.headers.get("Authorization", "")
        if not told:
            if self._settings.anonymous == "loopback" and _here(request):
                return ALL
            raise _unauthorized("a token is needed (Authorization: Bearer …): outbid report token makes one")
        kind, _, token = told.partition(" ")
        if kind.lower() != "bearer":
            raise _unauthorized("the token must come as Authorization: Bearer …")
        if hmac.compare_digest(token.strip().encode(errors="surrogateescape"), self._secret):
            return ALL
        try:
            return scope.read(self._key, token.strip(), int(time.time()), self._revoked)
        except scope.Invalid as error:
            raise _unauthorized(f"the token is not taken: {error}") from None

    def whole(self, request: web.Request) -> None:
        """For what belongs to nobody in particular. Raises HTTPUnauthorized, HTTPForbidden."""
        if self.scope(request).claims is not None:
            raise web.HTTPForbidden(text="this token is for the reports of some advertisers only\n")


def _here(request: web.Request) -> bool:
    if any(name.lower() in _FORWARDED or name.lower().startswith("x-forwarded-") for name in request.headers):
        return False
    if not _is_here(_host(request.headers.get("Host", ""))):
        return False
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return peer is not None and _is_here(peer[0])


def _host(told: str) -> str:
    """Without the port."""
    try:
        return urlsplit(f"//{told}").hostname or ""
    except ValueError:
        return ""


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unauthorized(text: str) -> web.HTTPUnauthorized:
    return web.HTTPUnauthorized(text=f"{text}\n", headers={"WWW-Authenticate": 'Bearer realm="outbid reports"'})
