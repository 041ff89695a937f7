"""Fetching small files of many hosts politely: one connection a host, pauses, limits, and no way into our own network.

Which answers count for what is the ads.txt specification's (1.1, section 3): 404 and 410 say that there is no file; any
other failure says nothing, and what was fetched before stays good. Redirects may lead out of the domain that was asked
once, and after that not out of the one they led to.
"""

import asyncio
import ipaddress
import random
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from publicsuffixlist import PublicSuffixList

from openrtb.ads_txt import domain_in, looks_like_a_page

USER_AGENT = "Outbid/0.1 (ads.txt crawler)"
MAX_REDIRECTS = 5
GONE = (404, 410)
REDIRECTS = (301, 302, 303, 307, 308)
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
PORTS = (None, 80, 443)
_UNREACHED = (aiohttp.ClientConnectorError, aiohttp.ClientConnectorCertificateError)


@dataclass(frozen=True)
class Limits:
    """How much is asked of others, and waited for."""

    concurrency: int = 32
    """Files at once, each of another host."""
    connect_s: float = 10.0
    total_s: float = 60.0
    """For one attempt, redirects and body included."""
    max_bytes: int = 4 << 20
    """Of a body, decompressed."""
    attempts: int = 3
    pause_s: float = 1.0
    """Between two requests to one host."""
    back_off_s: float = 2.0
    """Before the second attempt; twice as long before each further one, and at least what ``Retry-After`` says."""
    longest_wait_s: float = 30.0
    """A host that asks for a longer wait has failed for now."""


@dataclass(frozen=True)
class Answer:
    """What came of asking for a file: one of ``body``, ``absent``, ``unchanged`` and ``problem``."""

    url: str = ""
    body: bytes | None = None
    absent: bool = False
    unchanged: bool = False
    """The copy that the validators belong to is still the newest."""
    problem: str = ""
    reached: bool = True
    """Did the host say anything?"""
    etag: str = ""
    last_modified: str = ""


class _Refused(Exception):
    """An answer that cannot be used; ``transient``: asking again may help, after ``wait_s``."""

    def __init__(self, problem: str, *, transient: bool = False, wait_s: float = 0.0) -> None:
        super().__init__(problem)
        self.transient, self.wait_s = transient, wait_s


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=100_000)
def root_domain(domain: str) -> str:
    """``www.news.co.uk`` -> ``news.co.uk``, by the Public Suffix List; empty for a public suffix itself."""
    return _suffixes().privatesuffix(domain) or ""


class PublicResolver(AbstractResolver):
    """Finds addresses of the public internet only: names in bid requests are whatever a stranger wrote there."""

    def __init__(self, inner: AbstractResolver) -> None:
        self.inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self.inner.resolve(host, port, family)
        public = [one for one in found if ipaddress.ip_address(one["host"].partition("%")[0]).is_global]
        if not public:
            raise OSError(f"{host} has no address in the public internet")
        return public

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class _Host:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_s: float = 0.0


class Fetcher:
    """An HTTP client for one run. ``resolver`` and ``ports`` are for tests, whose servers are on this host."""

    def __init__(
        self,
        limits: Limits,
        *,
        resolver: AbstractResolver | None = None,
        ports: Sequence[int | None] = PORTS,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.limits, self.ports, self.rng = limits, ports, rng
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)
        self._resolver = resolver

    async def __aenter__(self) -> "Fetcher":
        resolver = self._resolver or PublicResolver(aiohttp.DefaultResolver())
        connector = aiohttp.TCPConnector(
            resolver=resolver, limit=self.limits.concurrency, limit_per_host=1, force_close=True
        )
        timeout = aiohttp.ClientTimeout(total=self.limits.total_s, sock_connect=self.limits.connect_s)
        headers = {"User-Agent": USER_AGENT, "Accept": "text/plain, application/json;q=0.9, */*;q=0.1"}
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=timeout, headers=headers, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def fetch(self, urls: Sequence[str], etag: str = "", last_modified: str = "", max_bytes: int = 0) -> Answer:
        """The first of ``urls`` (the same file by https, then by http) that has an answer to be used.

        A file is absent where one says so, and the others do too or cannot be reached at all.
        """
        problems, absent, unsure = [], False, False
        for url in urls:
            answer = await self._patiently(url, etag, last_modified, max_bytes or self.limits.max_bytes)
            if answer.body is not None or answer.unchanged:
                return answer
            absent, unsure = absent or answer.absent, unsure or (bool(answer.problem) and answer.reached)
            if answer.problem:
                problems.append(f"{url}: {answer.problem}")
        if absent and not unsure:
            return Answer(absent=True)
        return Answer(problem="; ".join(problems), reached=unsure)

    async def _patiently(self, url: str, etag: str, last_modified: str, max_bytes: int) -> Answer:
        wait_s, reached = self.limits.back_off_s, True
        for attempt in range(1, self.limits.attempts + 1):
            try:
                async with asyncio.timeout(self.limits.total_s):
                    return await self._once(url, etag, last_modified, max_bytes)
            except _Refused as refused:
                problem, again, asked_s, reached = str(refused), refused.transient, refused.wait_s, True
            except TimeoutError:
                problem, again, asked_s = f"no whole answer within {self.limits.total_s:g} s", True, 0.0
                reached = True
            except (aiohttp.ClientError, OSError, ValueError) as error:
                problem = f"{type(error).__name__}: {error}"[:200]
                again, asked_s, reached = not isinstance(error, ValueError), 0.0, not isinstance(error, _UNREACHED)
            if attempt == self.limits.attempts or not again or asked_s > self.limits.longest_wait_s:
                break
            await asyncio.sleep(max(wait_s * (0.5 + self.rng()), asked_s))
            wait_s *= 2
        return Answer(problem=problem, reached=reached)

    async def _once(self, url: str, etag: str, last_modified: str, max_bytes: int) -> Answer:
        """Follows redirects. Raises `_Refused` and whatever aiohttp raises."""
        home, left_home = root_domain(_host(url)), False
        headers = {"If-None-Match": etag} if etag else {}
        headers |= {"If-Modified-Since": last_modified} if last_modified else {}
        for _ in range(MAX_REDIRECTS + 1):
            self._check(url)
            async with self._turn(url), self._session.get(url, headers=headers, allow_redirects=False) as reply:
                if reply.status not in REDIRECTS:
                    return await self._judge(reply, url, max_bytes)
                target = reply.headers.get("Location", "")
            if not target:
                raise _Refused("a redirect to nowhere")
            url = urljoin(url, target)
            there = root_domain(_host(url))
            if there != home:
                if left_home:
                    raise _Refused(f"redirected out of its domain a second time, to {url[:200]}")
                home, left_home = there, True
        raise _Refused(f"redirected more than {MAX_REDIRECTS} times")

    async def _judge(self, reply: aiohttp.ClientResponse, url: str, max_bytes: int) -> Answer:
        if reply.status in GONE:
            return Answer(url, absent=True)
        if reply.status == 304:
            return Answer(url, unchanged=True)
        if reply.status != 200:
            wait = _retry_after(reply.headers.get("Retry-After", ""))
            raise _Refused(f"status {reply.status}", transient=reply.status in TRANSIENT, wait_s=wait)
        if reply.content_length is not None and reply.content_length > max_bytes:
            raise _Refused(f"larger than {max_bytes} bytes")
        body = bytearray()
        async for chunk in reply.content.iter_chunked(65_536):
            body += chunk
            if len(body) > max_bytes:
                raise _Refused(f"larger than {max_bytes} bytes")
        found = bytes(body)
        if looks_like_a_page(found):
            return Answer(url, absent=True)
        etag, modified = reply.headers.get("ETag", ""), reply.headers.get("Last-Modified", "")
        return Answer(url, found, etag=etag[:200], last_modified=modified[:100])

    def _check(self, url: str) -> None:
        """Only names (no addresses), and only the web's own ports."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.username is not None:
            raise _Refused(f"{url[:200]} is no URL of the web")
        if not domain_in(parts.hostname or "") or parts.port not in self.ports:
            raise _Refused(f"{url[:200]} is not to be asked: it must be a domain, on the usual port")

    def _turn(self, url: str) -> "_Turn":
        return _Turn(self._hosts[_host(url)], self.limits.pause_s)


class _Turn:
    """One request to a host at a time, and a pause between two."""

    def __init__(self, host: _Host, pause_s: float) -> None:
        self.host, self.pause_s = host, pause_s

    async def __aenter__(self) -> None:
        await self.host.turn.acquire()
        try:
            await asyncio.sleep(max(0.0, self.host.next_s - time.monotonic()))
        except BaseException:
            self.host.turn.release()
            raise

    async def __aexit__(self, *_: Any) -> None:
        self.host.next_s = time.monotonic() + self.pause_s
        self.host.turn.release()


def _host(url: str) -> str:
    return domain_in(urlsplit(url).hostname or "")


def _retry_after(text: str) -> float:
    """Seconds, from seconds or from a date; 0 for neither."""
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0
