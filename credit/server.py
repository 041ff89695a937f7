"""The credit service: scores, offers and outcomes as an HTTP API, on its own port."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from api.application import application
from api.batch import batch_of
from api.duties import Duties, alongside
from api.keys import Keys, key_file
from api.operations import Call, Operation
from api.serving import serve
from credit import metrics, outcomes
from credit.applications import Application, encode, log_of
from credit.artefact import MODEL
from credit.config import CreditSettings, credit_settings, directory
from credit.match_api import MatchAnswer, Matching, MatchRequest
from credit.match_config import OfferSettings, offer_settings
from credit.match_desk import MatchDesk
from credit.model import Assessed, CreditModel
from credit.outcome_api import Outcomes
from credit.outcomes import SERVICE, OutcomeBook
from credit.people import People
from credit.score_api import Scoring, standing_by
from domain.clock import SECOND, Clock, from_env
from domain.errors import Unavailable
from domain.in_service import InService
from domain.keys import internal_secret, load_keys
from domain.settings import places
from eventlog.config import DAY_S
from eventlog.frames import LogFull
from monitoring import process
from monitoring.health import Readiness
from monitoring.page import Page
from monitoring.process import LoopLag
from monitoring.web import Requests, Told

TITLE = "Outbid credit"
VERSION = "1"
DESCRIPTION = (
    "Credit scores, offers of lenders, and what became of applications. See docs/credit.md and docs/offers.md."
)
REFRESH_S = 1.0
SWEEP_S = 3600.0


class Service:
    """The parts of the service and its application. ``root``: where it keeps its data. Raises Unavailable."""

    def __init__(self, root: Path, keys: Keys, settings: CreditSettings, offers: OfferSettings, clock: Clock) -> None:
        self._root, self._keys, self._settings, self._clock = root, keys, settings, clock
        self._lag, self._requests = LoopLag(), Requests(metrics.REQUESTS)
        self._scored: Counter[str] = Counter()
        self._told: Counter[tuple[str, str]] = Counter()
        self._kept, self._lost = 0, 0
        self._duties = Duties()
        self.model = InService("model", settings.model_path(root), CreditModel.load, MODEL)
        self.people = InService("people", settings.people_path(root), People.open)
        self.model.look()
        self.people.look()
        self.book = OutcomeBook(outcomes.directory(root.parent), SERVICE)
        try:
            self.applications = log_of(root, durable=settings.durable)
        except BaseException:
            self.book.close()
            raise
        try:
            self.desk = MatchDesk(root, offers, clock)
        except BaseException:
            self.applications.close()
            self.book.close()
            raise
        self.scoring = Scoring(lambda: self.model.value, lambda: self.people.value, self._keep, self._seen)

    def operations(self) -> tuple[Operation, ...]:
        """All that the service does."""
        match, _, products = Matching(self.desk, self.scoring.standing).operations()
        kept = replace(match, handler=self._matched(match))
        return (
            *self.scoring.operations(),
            kept,
            batch_of(kept),
            products,
            *Outcomes(self.book, self._keys, self._now_s, self._happened).operations(),
        )

    def application(self) -> web.Application:
        app = application(
            TITLE,
            VERSION,
            self.operations(),
            self._keys,
            told=Told(self._page, self._readiness),
            requests=self._requests,
            lag=self._lag,
            description=DESCRIPTION,
        )
        app.cleanup_ctx.append(self._beside)
        return app

    def _now_s(self) -> int:
        return self._clock.now_ns() // SECOND

    def _seen(self, how: str) -> None:
        self._scored[how] += 1

    def _happened(self, kind: str, status: str) -> None:
        self._told[kind, status] += 1

    async def _keep(self, call: Call, applicant: dict[str, Any], reference: str, found: Assessed, version: int) -> None:
        await self._record(call, applicant, "", reference, found, version)

    async def _record(
        self, call: Call, applicant: dict[str, Any], match_id: str, reference: str, found: Assessed, version: int
    ) -> None:
        kept = Application(
            self._now_s(), call.key.institution, match_id, reference, applicant, found.score, found.pd,
            found.p_approved, version,
        )  # fmt: skip
        try:
            await self.applications.keep(encode(kept))
        except LogFull as error:
            self._lost += 1
            raise Unavailable(f"the applicant cannot be recorded: {error.strerror}") from None
        self._kept += 1

    def _matched(self, match: Operation) -> Callable[[Call], Any]:
        """A match of an applicant is recorded with what was told of it, so that its outcome can be learnt from."""

        async def handler(call: Call) -> MatchAnswer:
            asked: MatchRequest = call.body
            model = self.model.value  # another may be in service when the match has been made
            answer: MatchAnswer = await match.handler(call)
            if asked.applicant is not None and answer.offers and model is not None:
                score, pd, p = standing_by(model, asked.applicant)
                found = Assessed(int(score), pd, p, ())
                await self._record(call, asked.applicant, answer.match_id, "", found, model.version)
            return answer

        return handler

    async def _beside(self, app: web.Application) -> AsyncIterator[None]:
        await self.desk.start()
        every = self._duties.every
        async with alongside(
            every(REFRESH_S, "model", self.model.look),
            every(REFRESH_S, "people", self.people.look),
            every(REFRESH_S, "outcomes", self.book.refresh),  # files that the command line read in
            every(SWEEP_S, "applications", self._sweep),
        ):
            yield
        await self.close()

    async def close(self) -> None:
        """What was taken is on disk when this returns."""
        try:
            await self.desk.close()
        finally:  # whatever became of offers, outcomes that were taken are on disk
            self.applications.close()
            self.book.close()

    def _sweep(self) -> None:
        self.applications.sweep(self._settings.keep_applications_days * DAY_S)

    @property
    def trouble(self) -> dict[str, str]:
        """By part: why it does not work, or works with what it had."""
        files = {each.name: each.trouble for each in (self.model, self.people) if each.trouble}
        return {**self._duties.trouble, **files, **self.desk.trouble}

    async def _page(self) -> Page:
        page = Page(metrics.FAMILIES)
        self._requests.put(page)
        for how, count in sorted(self._scored.items()):
            page.add(metrics.SCORES, count, how)
        for (kind, status), count in sorted(self._told.items()):
            page.add(metrics.OUTCOMES, count, kind, status)
        page.add(metrics.APPLICATIONS, self._kept)
        page.add(metrics.UNRECORDED, self._lost + self.desk.lost)
        model, people = self.model.value, self.people.value
        page.add(metrics.MODEL, 0 if model is None else model.version)
        page.add(metrics.PEOPLE, 0 if people is None else len(people))
        page.add(metrics.MATCHES, self.desk.made)
        page.add(metrics.EMPTY, self.desk.empty)
        page.add(metrics.LOST, self.desk.lost)
        page.add(metrics.TROUBLE, len(self.trouble))
        process.describe(page, "credit", self._root, self._lag)
        return page

    async def _readiness(self) -> Readiness:
        reasons = {"applications": "the disk takes nothing"} if self.applications.shut else {}
        degraded = {} if self.model.value is not None else {"model": "there is none: only people are known"}
        if self.desk.missing:
            degraded["products"] = f"no offers are made: {self.desk.missing}"
        return Readiness("credit", reasons, {**degraded, **self.trouble})


def run() -> None:
    """Serves until SIGTERM or SIGINT."""
    here = places()
    root = directory()
    root.mkdir(parents=True, exist_ok=True)
    keys = Keys(key_file(), internal_secret(load_keys(here.data)))

    serve(
        lambda: Service(root, keys, credit_settings(), offer_settings(), from_env()).application(),
        here.host,
        here.credit_port,
    )
