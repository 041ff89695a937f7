"""Offers in service: the catalogue and its quotas, the model of approvals, the log, and what keeps them fresh.

All work on files is done in threads: leases of quotas a few times a second, new answers and a changed file of products
once a second, a new fit of the model every ten minutes. A match itself touches memory only, until its record is
written.
"""

import asyncio
import contextlib
import logging
import sqlite3
import time
from pathlib import Path

import msgspec

from credit import outcomes
from credit.learning import Answer, Lessons, model_of, move
from credit.match_config import OfferSettings
from credit.match_features import NAMES
from credit.match_log import FOLDER, MatchReader, encode, keep_catalogue, record_of, worker_log
from credit.match_preview import MODEL, QUOTAS
from credit.matching import Match, Matcher, Question, priors_of
from credit.offer_rates_file import Model, load
from credit.outcomes import OutcomeReader
from credit.product_file import read_products
from credit.products import Catalogue
from credit.quota_store import QuotaStore
from credit.quotas import Quotas
from credit.tags import Schema
from domain.clock import SECOND, Clock, utc
from domain.errors import Refused, Unavailable
from domain.file_stamp import Stamp, stamp_of
from eventlog.frames import LogFull
from eventlog.reader import LogCorrupt
from targeting.forgotten import Forgotten

RENEW_S, LOOK_S, SWEEP_S = 0.2, 1.0, 3600.0
DAY_S = 86_400
KEEP_COUNTS_DAYS = 100
"""Longer than any period of a quota."""

log = logging.getLogger(__name__)


class MatchDesk:
    """One worker's. ``root``: ``<data_dir>/credit``. Raises Unavailable if another process is this worker.

    Without a file of products there are no offers (`missing`), nor with one that is refused (`trouble`); a file that is
    refused, or gone, later leaves the last good one in use.
    """

    def __init__(self, root: Path, settings: OfferSettings, clock: Clock, worker: int = 0) -> None:
        self._root, self._settings, self._clock, self._worker = root, settings, clock, worker
        root.mkdir(parents=True, exist_ok=True)
        self._store = QuotaStore(root / QUOTAS)
        try:
            self._forgotten = Forgotten(root.parent)
            self._log = worker_log(root / FOLDER, worker, durable=settings.durable)
        except BaseException:
            self._store.close()
            raise
        self._matches, self._outcomes = MatchReader(root / FOLDER), OutcomeReader(outcomes.directory(root.parent))
        self.lessons = Lessons()
        self._stamp: Stamp | None = None
        self._version = ""
        self._schema: Schema = {}
        self._learnt = 0
        self._fitted_ns = 0
        self._matcher: Matcher | None = None
        self.trouble: dict[str, str] = {}
        """By part: why it does not work, or works with what it had."""
        self.missing = ""
        """Why no products are known where none were ever given: that is no error, scores can do without."""
        self.made, self.empty, self.lost = 0, 0, 0
        """Matches; those without an offer; those whose record the disk did not take."""
        self._renewing: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._short, self._closing = asyncio.Event(), False
        self._at_quotas, self._at_logs = asyncio.Lock(), asyncio.Lock()

    @property
    def matcher(self) -> Matcher:
        """Raises Unavailable while there are no products."""
        if self._matcher is None:
            why = self.trouble.get("products") or self.missing or "no products are known yet"
            raise Unavailable(f"there are no offers: {why}")
        return self._matcher

    @property
    def catalogue(self) -> Catalogue | None:
        return self._matcher.catalogue if self._matcher else None

    @property
    def schema(self) -> Schema:
        """The tags that the catalogue knows."""
        return self._schema

    @property
    def version(self) -> str:
        """Of the catalogue in use."""
        return self._version

    @property
    def learnt(self) -> int:
        """Answers that the model in use was fitted to."""
        return self._learnt

    async def start(self) -> None:
        """Reads products and the model, fetches leases, and begins to keep them fresh; what the logs have of answers is
        read and fitted meanwhile."""
        await self._look_at_products()
        await self.renew()
        self._renewing = asyncio.create_task(self._keep_renewing())
        self._looking = asyncio.create_task(self._keep_looking())

    async def close(self) -> None:
        """Gives back leases; what was matched is on disk when this returns."""
        self._closing = True
        self._short.set()
        if self._renewing and self._looking:
            await self._renewing  # to its end: what it is fetching must be given back
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._matcher:
            with contextlib.suppress(sqlite3.Error):
                await asyncio.to_thread(self._matcher.quotas.close)
        await asyncio.to_thread(self._log.close)
        self._store.close()

    async def match(self, asked: Question, institution: str = "", persons: tuple[int, ...] = ()) -> Match:
        """Chooses, counts and records offers. Raises Unavailable without products, or when the disk is full."""
        matcher, version = self.matcher, self._version
        found, periods = matcher.match(asked), matcher.quotas.periods
        if matcher.quotas.short:
            self._short.set()
        record = record_of(
            found,
            asked,
            matcher.catalogue,
            version=version,
            at_ns=self._clock.now_ns(),
            institution=institution,
            persons=[0 if key in self._forgotten else key for key in persons],
            policy=self._settings.explore,
            even_share=self._settings.even_share,
            learnt=self._learnt,
        )
        try:
            await self._log.keep(encode(record))
        except LogFull as error:
            self.lost += 1
            for offer in found.offers:  # nobody is told of them
                matcher.quotas.put_back(offer.product, asked.amount, periods)
            raise Unavailable(f"the match cannot be recorded: {error.strerror}") from None
        self.made += 1
        self.empty += not found.offers
        return found

    async def _keep_renewing(self) -> None:
        while not self._closing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._short.wait(), RENEW_S)
            self._short.clear()
            try:
                await self.renew()
            except Exception:  # a bug; what is held is offered, and it is tried again
                log.exception("quotas are not renewed")

    async def renew(self) -> None:
        """Fetches leases of quotas for what is short."""
        async with self._at_quotas:
            if self._matcher is None:
                return
            quotas = self._matcher.quotas
            plan = quotas.plan()
            try:
                quotas.fetched(plan, await asyncio.to_thread(quotas.fetch, plan))
                self._told("quotas", "")
            except sqlite3.Error as error:
                self._told("quotas", f"{self._root / QUOTAS}: {error}")

    async def _keep_looking(self) -> None:
        sweep_s = 0.0
        while True:
            try:
                await self.look()
                if time.monotonic() > sweep_s:
                    await asyncio.to_thread(self._sweep)
                    sweep_s = time.monotonic() + SWEEP_S
            except Exception:  # a bug; offers go on from what is known
                log.exception("answers and products are not followed")
            await asyncio.sleep(LOOK_S)

    def _sweep(self) -> None:
        """What is old enough goes: matches, and counts of periods that are over."""
        self._log.sweep(self._settings.keep_matches_days * DAY_S)
        self._store.prune(utc(self._clock.now_ns() - KEEP_COUNTS_DAYS * DAY_S * SECOND).date().isoformat())

    async def look(self) -> None:
        """Takes over what came since: products, answers; and now and then a new fit."""
        async with self._at_logs:
            await self._look()

    async def _look(self) -> None:
        try:
            await self._look_at_products()
            self._forgotten.refresh()
            answers = await asyncio.to_thread(self._read)
            self._told("answers", "")
        except (OSError, LogCorrupt, msgspec.MsgspecError) as error:
            self._told("answers", str(error))
            return
        matcher = self._matcher
        if matcher is None:
            return
        now = self._clock.now_ns()
        if now - self._fitted_ns >= self._settings.fit_s * 1e9:
            try:
                await self._fit(now, matcher)
                self._told("fit", "")
            except OSError as error:  # the model is in use, though not kept
                self._told("fit", f"{self._root / MODEL}: {error}")
        else:
            move(matcher.rates, matcher.catalogue, answers)

    def _read(self) -> list[Answer]:
        """Matches and outcomes that are new in the logs."""
        answers: list[Answer] = []
        while records := list(self._matches.read()):
            for record in records:
                answers += self.lessons.matched(record)
        for outcome in self._outcomes.read():
            answer = self.lessons.happened(outcome)
            if answer is not None:
                answers.append(answer)
        return answers

    async def _look_at_products(self) -> None:
        path = self._settings.file(self._root)
        stamp = await asyncio.to_thread(stamp_of, path)
        if stamp is not None and stamp == self._stamp:
            return
        self._stamp = stamp
        if stamp is None:
            why = f"there is no file {path}"
            if self._matcher is not None or self._settings.products:  # it was there, or should be
                self._told("products", why)
                return
            self._told("products", "")
            if not self.missing:
                log.info("no offers are made: %s", why)
                self.missing = why
            return
        try:
            catalogue = await asyncio.to_thread(read_products, path)
            if self._matcher is None or catalogue != self._matcher.catalogue:
                await self._use(catalogue)
        except Refused as refusal:
            self._told("products", f"{path}: {refusal}")
            return
        except OSError as error:  # of the disk, which may be better the next time
            self._stamp = None
            self._told("products", f"{path} is not in use: {error}")
            return
        self._told("products", "")

    async def _use(self, catalogue: Catalogue) -> None:
        """Goes over to a catalogue: leases of the old one are given back before those of the new one are fetched."""
        version = await asyncio.to_thread(keep_catalogue, self._root / FOLDER, catalogue)
        model = await asyncio.to_thread(self._model, catalogue)
        quotas = Quotas(catalogue, self._store, self._clock.now_ns)
        self.lessons.owners = catalogue.owners()
        before = self._matcher
        matcher = Matcher(catalogue, model.rates(priors_of(catalogue.products)), quotas, self._settings.policy)
        self._matcher, self._version, self._learnt, self.missing = matcher, version, model.answers, ""
        self._schema = catalogue.schema()
        if before is not None:
            async with self._at_quotas:
                with contextlib.suppress(sqlite3.Error):
                    await asyncio.to_thread(before.quotas.close)
        await self.renew()

    def _model(self, catalogue: Catalogue) -> Model:
        """The model as it was fitted last; without one, what is believed before any answer."""
        try:
            model = load(self._root / MODEL, NAMES)
        except Refused as refusal:
            log.error("%s", refusal)
            model = None
        if model is None:
            paths, answers = Lessons().answers()
            model = model_of(paths, answers, catalogue, self._clock.now_ns())
        return model

    async def _fit(self, now: int, matcher: Matcher) -> None:
        """Fits the model to all answers so far; those that come meanwhile move the new one."""
        catalogue = matcher.catalogue
        self.lessons.expire(now, catalogue)
        paths, answers = self.lessons.answers()
        model = await asyncio.to_thread(model_of, paths, answers, catalogue, now)
        if self._matcher is matcher:
            matcher.rates, self._learnt = model.rates(priors_of(catalogue.products)), len(answers)
        self._fitted_ns = now
        await asyncio.to_thread(model.save, self._root / MODEL, NAMES)

    def _told(self, part: str, why: str) -> None:
        """Notes what is wrong with a part, and logs it once."""
        if why and self.trouble.get(part) != why:
            log.error("%s: %s", part, why)
        if why:
            self.trouble[part] = why
        else:
            self.trouble.pop(part, None)
