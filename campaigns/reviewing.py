"""Creatives on their way through the exchanges' reviews: submitted, asked about until there is a verdict, and now and
then afterwards, since verdicts change.

A round does whatever is due. What fails is tried again, later each time; an exchange that says "too many" is left alone
until the time that it names. Calls go out one after the other: reviews take hours, and limits of these APIs are low.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import aiohttp
import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from campaigns import approvals, catalogue
from campaigns.approvals import Record, fingerprint
from campaigns.credentials import Credentials, Denied
from domain.campaign import Advertiser
from domain.clock import SECOND, Clock
from domain.creative import Creative
from domain.exchange import Exchange
from domain.settings import SettingsError, load
from openrtb.adapters.creative_apis import APIS, Call, Exists, Missing, Unusable, Verdict

PENDING_S, SETTLED_S = 600, 86_400
"""Until an exchange is asked again about a creative that it is looking at, and about one that it has judged."""
FIRST_RETRY_S, LONGEST_RETRY_S = 60, 3600
REFUSED_S = 21_600
"""Until a submission is repeated that the exchange refused as it was."""
TIMEOUT = aiohttp.ClientTimeout(total=20)

T = TypeVar("T")
InStore = Callable[[Callable[[Connection], T]], Awaitable[T]]
log = logging.getLogger(__name__)


class CreativeSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Section ``[creatives]``."""

    round_s: float = 60.0
    """Seconds between control's rounds of submitting creatives and asking about them; 0: only by command."""
    credentials: dict[str, str] = msgspec.field(default_factory=dict)
    """Exchange key -> path of the file with our credentials for its creative API."""
    endpoints: dict[str, str] = msgspec.field(default_factory=dict)
    """Exchange key -> base URL of its creative API, where it is another than the public one."""


def creative_settings() -> CreativeSettings:
    return load("creatives", CreativeSettings)


class Errand(NamedTuple):
    """One creative at one exchange, with what is known of it; ``submit``: it, or its present content, is new there."""

    exchange: Exchange
    creative: Creative
    owner: Advertiser
    record: Record
    submit: bool


class TooMany(Exception):
    """The exchange wants to be left alone."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many requests; again in {seconds:g} s")
        self.seconds = seconds


class Outcome(NamedTuple):
    """Of a round: errands by what became of them."""

    submitted: int = 0
    asked: int = 0
    failed: int = 0


class Reviewer:
    """``read`` and ``write`` run a function in a transaction of the store, off the event loop."""

    def __init__(
        self, read: InStore[list[Errand]], write: InStore[None], clock: Clock, settings: CreativeSettings
    ) -> None:
        self._read, self._write, self._clock, self._settings = read, write, clock, settings
        self._credentials: dict[str, Credentials] = {}
        self._quiet_ns: dict[int, int] = {}
        """By exchange: it is not to be called before then."""

    async def run(self) -> None:
        """Rounds for ever; run it as a task. A failure of the store is not the end."""
        if not self._settings.round_s or not self._settings.credentials:
            return
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            while True:
                try:
                    await self.round(session)
                except Exception:
                    log.exception("a round of creative reviews failed; the next is in %g s", self._settings.round_s)
                await asyncio.sleep(self._settings.round_s)

    async def round(self, session: aiohttp.ClientSession, exchange: str = "", *, everything: bool = False) -> Outcome:
        """Does what is due: at one exchange or all, and with ``everything`` also what is not due yet."""
        now = self._clock.now_ns()
        done = Outcome()
        for errand in await self._read(lambda conn: errands(conn, now, exchange, everything=everything)):
            key = errand.exchange.key
            if key not in self._settings.credentials or self._quiet_ns.get(errand.exchange.id, 0) > now:
                continue
            record = await self._do(session, errand)
            await self._write(partial(approvals.save, new=record))
            done = Outcome(
                done.submitted + (errand.submit and not record.trouble),
                done.asked + (not errand.submit and not record.trouble),
                done.failed + bool(record.trouble),
            )
        return done

    async def _do(self, session: aiohttp.ClientSession, errand: Errand) -> Record:
        """The record as it is after the errand."""
        now, old = self._clock.now_ns(), errand.record
        try:
            submitted, verdict = await self._verdict(session, errand)
        except TooMany as error:
            self._quiet_ns[errand.exchange.id] = now + int(error.seconds * SECOND)
            return replace(old, due_ns=now + int(error.seconds * SECOND), trouble=str(error))
        except Unusable as error:
            log.warning("%s refuses creative %s: %s", errand.exchange.key, errand.creative.key, error)
            return replace(old, attempts=old.attempts + 1, due_ns=now + REFUSED_S * SECOND, trouble=str(error)[:500])
        except (Denied, SettingsError, aiohttp.ClientError, TimeoutError) as error:
            wait_s = min(FIRST_RETRY_S * 2**old.attempts, LONGEST_RETRY_S) if old.attempts < 10 else LONGEST_RETRY_S
            trouble = f"{type(error).__name__}: {error}"[:500]
            return replace(old, attempts=old.attempts + 1, due_ns=now + wait_s * SECOND, trouble=trouble)
        wait_s = PENDING_S if verdict.status == "pending" else SETTLED_S
        return Record(
            creative=errand.creative.id,
            exchange=errand.exchange.id,
            status=verdict.status,
            fingerprint=fingerprint(errand.creative),
            reasons=verdict.reasons,
            submitted_ns=now if submitted else old.submitted_ns,
            checked_ns=now,
            due_ns=now + wait_s * SECOND,
        )

    async def _verdict(self, session: aiohttp.ClientSession, errand: Errand) -> tuple[bool, Verdict]:
        """(was it submitted, what the exchange says)"""
        api = APIS[errand.exchange.creative_api]
        exchange, creative, owner = errand.exchange, errand.creative, errand.owner
        if not errand.submit:
            try:
                return False, await self._call(session, exchange, api.ask(exchange, creative))
            except Missing:
                log.warning("%s does not know creative %s any more; submitting it again", exchange.key, creative.key)
        known = errand.submit and errand.record.submitted_ns
        first, second = api.create, api.change
        if known:
            first, second = second, first
        try:
            return True, await self._call(session, exchange, first(exchange, creative, owner))
        except (Exists, Missing):
            try:
                return True, await self._call(session, exchange, second(exchange, creative, owner))
            except (Exists, Missing):
                raise Unusable("it neither takes the creative as new nor knows it") from None

    async def _call(self, session: aiohttp.ClientSession, exchange: Exchange, call: Call) -> Verdict:
        credentials = self._of(exchange)
        for last in (False, True):
            headers = await credentials.headers(session)
            async with session.request(
                call.method, self._base(exchange) + call.path, json=call.body, headers=headers
            ) as answer:
                body = await answer.read()
            if answer.status in (401, 403) or b'"NOAUTH"' in body[:2000]:
                credentials.forget()
                if last:
                    raise Denied(f"{exchange.key} answers {answer.status}: our credentials are not taken")
                continue
            if answer.status == 429 or b'"RATE_EXCEEDED"' in body[:2000]:
                raise TooMany(_seconds(answer.headers.get("Retry-After", "")))
            if answer.status >= 500:
                answer.raise_for_status()
            return APIS[exchange.creative_api].read(answer.status, body)
        raise AssertionError("unreachable")

    def _base(self, exchange: Exchange) -> str:
        return self._settings.endpoints.get(exchange.key, APIS[exchange.creative_api].base_url).rstrip("/")

    def _of(self, exchange: Exchange) -> Credentials:
        if exchange.key not in self._credentials:
            path = Path(self._settings.credentials[exchange.key])
            self._credentials[exchange.key] = Credentials(exchange.creative_api, path, self._base(exchange))
        return self._credentials[exchange.key]


def _seconds(retry_after: str) -> float:
    return float(min(int(retry_after), LONGEST_RETRY_S)) if retry_after.isdigit() else FIRST_RETRY_S


def errands(conn: Connection, now_ns: int, only: str = "", *, everything: bool = False) -> list[Errand]:
    """What is to be done at exchanges that take creatives: for active ones that an active line item shows. What an API
    has no form for only a person can submit, and note the verdict.
    """
    known, old = catalogue.load(conn), approvals.records(conn)
    owners = {owner.id: owner for owner in known.advertisers.values()}
    used = {c for item in known.line_items.values() if item.status == "active" for c in item.creatives}
    found = []
    for exchange in known.exchanges.values():
        if exchange.creative_api == "none" or not exchange.creative_account or (only and exchange.key != only):
            continue
        for creative in known.creatives.values():
            if creative.id not in used or creative.status != "active":
                continue
            if APIS[exchange.creative_api].by_hand(creative):
                continue
            fresh = Record(creative.id, exchange.id, "not_submitted", fingerprint(creative))
            record = old.get((creative.id, exchange.id), fresh)
            changed = record.fingerprint != fresh.fingerprint
            if changed:  # what failed, or was said, was about another content
                record = replace(fresh, submitted_ns=record.submitted_ns)
            submit = changed or not record.submitted_ns
            if everything or record.due_ns <= now_ns:
                found.append(Errand(exchange, creative, owners[creative.advertiser], record, submit))
    return found
