"""``/v1/decide``, and decisions and flows asked about afterwards."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from api.batch import batch_of
from api.operations import Call, Operation
from api.problem import Failure
from domain.clock import Clock, utc
from domain.errors import Problem, Refused, Unavailable
from eventlog.frames import LogFull
from risk import decisions
from risk.cards import NAMES
from risk.decisions import Decision, DecisionLog
from risk.engine import Assessment, Engine
from risk.flow import Flow
from risk.flows import Flows
from risk.inputs import FACTS, inputs_of
from risk.subject import Subject, read_subject
from risk.told import graph_of, kept_hits, kept_scores, scope_of, told_hits, told_scores, told_subject
from risk.vocabulary import values_of
from risk.wire import (
    DecideAnswer,
    DecideRequest,
    DecisionTold,
    FlowsTold,
    FlowText,
    FlowTold,
    HitTold,
)
from targeting.identity_keys import written_key

SCOPE = "risk:decide"
Seen = Callable[[Assessment, DecideAnswer], None]


class Deciding:
    """``root``: the service's directory; ``seen`` is told of every decision."""

    def __init__(self, engine: Engine, flows: Flows, log: DecisionLog, root: Path, clock: Clock, seen: Seen) -> None:
        self._engine, self._flows, self._log, self._root = engine, flows, log, root
        self._clock, self._seen = clock, seen

    def operations(self) -> tuple[Operation, ...]:
        one = Operation(
            "POST", "/v1/decide", "A decision by a flow", DecideRequest, DecideAnswer, SCOPE, self._decide,
            description="The decision is recorded, with everything that it was made of, before it is answered.",
        )  # fmt: skip
        return (
            one,
            batch_of(one),
            Operation(
                "GET", "/v1/decisions/{id}", "A decision as it was recorded", None, DecisionTold, SCOPE, self._recorded,
                description="Of the institution that asked for it; the operator's key finds all.",
            ),
            Operation("GET", "/v1/flows", "Flows that the key may call", None, FlowsTold, SCOPE, self._list),
            Operation(
                "GET", "/v1/flows/{name}/versions/{version}", "What a version of a flow says", None, FlowText, SCOPE,
                self._text,
            ),
        )  # fmt: skip

    async def _decide(self, call: Call) -> DecideAnswer:
        began = time.perf_counter()
        asked: DecideRequest = call.body
        flow = self._flows.get(asked.flow, call.key.institution)
        subject, told, own = _read(asked, flow, call.key.institution_id)
        now_ns = self._clock.now_ns()
        found = self._engine.assess(subject, NAMES, now_ns // 1_000_000_000, told)
        facts = {**found.facts, **own}
        graph = graph_of(found)
        verdict = flow.decide(values_of(facts, graph, found.counting, found.scores), found.counting)
        why = [f"{name}.{code}" for name in verdict.scores for code in found.scores[name].reasons]
        reasons = (*verdict.reasons, *why)
        keys, kinds = subject.keys, tuple(one.kind for one in subject.ids)
        if subject.ip_key:
            keys, kinds = (*keys, subject.ip_key), (*kinds, "ip")
        if (forgotten := self._engine.forgotten) is not None and len(forgotten):
            keys = tuple(0 if key in forgotten else key for key in keys)
        record = Decision(
            decisions.nonce(),
            now_ns,
            call.key.institution,
            flow.name,
            flow.version,
            verdict.decision,
            reasons,
            verdict.points,
            decisions.packed(keys),
            kinds,
            asked.reference,
            facts,
            graph,
            kept_hits(found.hits, found.counting, keys),
            kept_scores(found),
            1000 * (time.perf_counter() - began),
        )
        try:
            id_ = await self._log.record(record)
        except LogFull as error:
            raise Unavailable(f"decisions cannot be recorded: {error}") from None
        answer = DecideAnswer(
            verdict.decision, reasons, flow.name, flow.version, id_, verdict.points, told_scores(found.scores),
            told_hits(found), graph, told_subject(subject),
        )  # fmt: skip
        self._seen(found, answer)
        return answer

    async def _recorded(self, call: Call) -> DecisionTold:
        id_ = call.path["id"]
        found = await asyncio.to_thread(decisions.find, self._root, id_)
        if found is None or (call.key.institution and call.key.institution != found.institution):
            raise Failure(404, "there is no decision of this id, or it is another institution's")
        return told_decision(id_, found)

    async def _list(self, call: Call) -> FlowsTold:
        mine = [flow for _, flow in sorted(self._flows.flows.items()) if flow.may(call.key.institution)]
        return FlowsTold(tuple(_told_flow(flow) for flow in mine))

    async def _text(self, call: Call) -> FlowText:
        name, version = call.path["name"], call.path["version"]
        flow = self._flows.flows.get(name)
        text = await asyncio.to_thread(self._flows.text, name, version)
        if text is None or (call.key.institution and (flow is None or not flow.may(call.key.institution))):
            raise Failure(404, "there is no such version of a flow, or it is another institution's")
        return FlowText(name, version, text)


def _read(asked: DecideRequest, flow: Flow, institution: int) -> tuple[Subject, dict[str, Any], dict[str, Any]]:
    """The subject, facts that scores read, and the flow's own. Raises Refused, with all that is wrong with any."""
    problems: list[Problem] = []
    try:
        subject = read_subject(asked.subject, institution)
    except Refused as refusal:
        problems += refusal.problems
    try:
        told, own = split(asked.facts, flow)
    except Refused as refusal:
        problems += refusal.problems
    if problems:
        raise Refused(problems)
    return subject, told, own


def split(facts: Mapping[str, Any], flow: Flow) -> tuple[dict[str, Any], dict[str, Any]]:
    """Facts of a call: those that scores read, and the flow's own, checked. Raises Refused."""
    told = {name: value for name, value in facts.items() if name in FACTS}
    own = {name: value for name, value in facts.items() if name in flow.facts}
    unknown = [name for name in facts if name not in told and name not in own]
    if unknown:
        there_are = f"those of scores and, of this flow, {', '.join(flow.facts) or 'none'}"
        allowed = f"no such fact is read; there are {there_are}"
        raise Refused([Problem(f"facts.{name}", facts[name], allowed) for name in unknown])
    words = [name for name, value in told.items() if isinstance(value, str)]
    if words:
        raise Refused([Problem(f"facts.{name}", told[name], "it must be a number, or true or false") for name in words])
    if told:
        inputs_of(told)  # refuses what they cannot be
    return told, flow.own_facts(own)


def told_decision(id_: str, found: Decision) -> DecisionTold:
    """A record as it is answered."""
    keys = decisions.keys_of(found)
    lists = [
        HitTold(
            hit.list, scope_of(hit), hit.reason, hit.source, hit.expires_s,
            written_key(keys[hit.place]) if hit.place >= 0 and keys[hit.place] else "", hit.overruled,
        )
        for hit in found.hits
    ]  # fmt: skip
    return DecisionTold(
        id_, utc(found.time_ns).isoformat(), found.institution, found.decision, found.reasons, found.flow,
        found.version, found.points, found.reference, tuple(written_key(key) for key in keys if key), found.facts,
        found.graph, tuple(lists), told_scores(found.scores),
    )  # fmt: skip


def _told_flow(flow: Flow) -> FlowTold:
    needed = tuple(name for name, fact in flow.form.facts.items() if fact.needed)
    facts = {name: kind.allowed for name, kind in flow.facts.items()}
    return FlowTold(flow.name, flow.version, facts, needed, tuple(sorted(flow.uses)))
