"""Loading the beginning of files from hosts that marketers named: with limits, and with no way into our own network."""

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from targeting.web_files import MAX_REDIRECTS, REDIRECTS, PublicResolver

USER_AGENT = "Outbid/0.1 (creative check)"
MACRO = re.compile(r"\$\{[A-Z_:0-9]+\}|\[[A-Z_0-9]+\]|%%[A-Z_]+%%")


@dataclass(frozen=True)
class FetchLimits:
    """How much is asked of others, and waited for."""

    concurrency: int = 16
    a_host: int = 4
    connect_s: float = 5.0
    total_s: float = 15.0
    """For one file, redirects included."""
    most_bytes: int = 512 << 10
    """No more is read of a file: headers of files are at their beginning."""
    attempts: int = 2
    """Where nobody answered, or the server failed."""


@dataclass(frozen=True)
class Loaded:
    """What came: ``problem`` says in words why nothing did."""

    problem: str = ""
    mime: str = ""
    data: bytes = b""
    """At most the limit's bytes."""
    length: int = 0
    """Of the whole file; 0: not said."""


class _Stop(Exception):
    """An answer that is final, and none to be used."""


class AssetFetcher:
    """``private`` lets it into our own network. ``resolver`` and ``tls`` are for tests with a server on this host."""

    def __init__(
        self,
        limits: FetchLimits | None = None,
        *,
        private: bool = False,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.limits, self.private = limits or FetchLimits(), private
        self._resolver, self._tls = resolver, tls

    async def fetch_all(self, urls: Iterable[str]) -> dict[str, Loaded]:
        """Each address once. Never raises for what hosts do."""
        found = self._resolver or aiohttp.DefaultResolver()
        resolver = found if self.private or self._resolver else PublicResolver(found)
        limits = self.limits
        connector = aiohttp.TCPConnector(
            resolver=resolver, limit=limits.concurrency, limit_per_host=limits.a_host, ssl=self._tls or True
        )
        timeout = aiohttp.ClientTimeout(total=limits.total_s, sock_connect=limits.connect_s)
        distinct = list(dict.fromkeys(urls))
        room = asyncio.Semaphore(limits.concurrency)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            headers={"User-Agent": USER_AGENT, "Accept": "*/*"},
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session:

            async def one(url: str) -> Loaded:
                async with room:
                    return await self._patiently(session, url)

            return dict(zip(distinct, await asyncio.gather(*map(one, distinct)), strict=True))

    async def _patiently(self, session: aiohttp.ClientSession, url: str) -> Loaded:
        problem = ""
        for _ in range(self.limits.attempts):
            try:
                async with asyncio.timeout(self.limits.total_s):
                    return await self._load(session, MACRO.sub("0", url))
            except _Stop as stop:
                return Loaded(str(stop))
            except TimeoutError:
                return Loaded(f"no whole answer within {self.limits.total_s:g} s")
            except aiohttp.ClientConnectorError as error:
                problem = str(error.os_error)[:200]
            except (aiohttp.ClientError, OSError, ValueError) as error:
                problem = f"{type(error).__name__}: {error}"[:200]
        return Loaded(problem)

    async def _load(self, session: aiohttp.ClientSession, url: str) -> Loaded:
        for _ in range(MAX_REDIRECTS + 1):
            self._check(url)
            async with session.get(url, allow_redirects=False) as reply:
                if reply.status in REDIRECTS:
                    target = reply.headers.get("Location", "")
                    if not target:
                        raise _Stop("a redirect to nowhere")
                    url = urljoin(url, target)
                    continue
                if reply.status >= 500:
                    raise aiohttp.ClientError(f"status {reply.status}")
                if reply.status != 200:
                    raise _Stop(f"status {reply.status}")
                data = bytearray()
                async for chunk in reply.content.iter_chunked(65_536):
                    data += chunk
                    if len(data) >= self.limits.most_bytes:
                        break
                encoded = reply.headers.get("Content-Encoding", "identity") != "identity"
                length = 0 if encoded else reply.content_length or 0
                mime = reply.content_type if "Content-Type" in reply.headers else ""
                return Loaded("", mime.lower(), bytes(data[: self.limits.most_bytes]), length)
        raise _Stop(f"redirected more than {MAX_REDIRECTS} times")

    def _check(self, url: str) -> None:
        """Secure pages load it, so each step must be HTTPS; and addresses in place of names pass no resolver."""
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.username is not None or not parts.hostname:
            raise _Stop(f"redirected to {url[:200]}, which is no https:// address")
        with suppress(ValueError):
            if not ipaddress.ip_address(parts.hostname).is_global and not self.private:
                raise _Stop(f"{parts.hostname} is no address in the public internet")
