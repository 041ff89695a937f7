"""The battery: everything that strangers may post, against one bid port; and what was wrong with the answers."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.strangers.bases import MAY_COST_THE_BID
from tests.strangers.judge import BEFORE_TARGETING, Bid, Judged, judge
from tests.strangers.mutations import Bytes, Mutant, dotted, encoded
from tests.strangers.soundness import Verdict, of_request
from tests.strangers.wire import Wire

MAY_COST = re.compile("|".join(MAY_COST_THE_BID))


@dataclass
class Battery:
    """``wrong`` has one line for each answer that is not right; ``met`` counts what there was."""

    wire: Wire
    wrong: list[str] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)

    async def post(
        self, name: str, document: Any, exchange: str = "usx", body: bytes | None = None, **headers: str
    ) -> Judged:
        """One request; the answer is judged whatever else is expected of it."""
        sent = encoded(document) if body is None else body
        answer = await self.wire.post(sent, f"/openrtb2/{exchange}", **headers)
        judged = judge(answer, document, exchange)
        for fault in judged.faults:
            self.wrong.append(f"{name}: {fault}")
        self.met["requests"] += 1
        self.met["bids"] += len(judged.bids)
        self.met["with a bid"] += bool(judged.bids)
        self.met["refused"] += judged.refused
        return judged

    async def well_formed(self, requests: Iterable[tuple[str, Any]], exchange: str = "usx") -> None:
        """They are read, reach targeting, and what is bid on them is right."""
        for name, document in requests:
            judged = await self.post(name, document, exchange)
            self.met["well-formed"] += 1
            stopped = judged.refused or judged.reason in BEFORE_TARGETING
            self.met["stopped before targeting"] += stopped
            if judged.refused:
                self.wrong.append(f"{name}: refused")

    async def mutants(self, base: Any, mutants: Iterable[Mutant]) -> None:
        """Optional parts that are broken are dropped, unusable imps get no bid, unusable requests are refused."""
        expected = (await self.post("the base", base)).bids
        for mutant in mutants:
            name = f"{base['id']}: {mutant.name}"
            judged = await self.post(name, mutant.document)
            sound = of_request(mutant.document)
            if judged.refused and sound is Verdict.SOUND:
                self.wrong.append(f"{name}: refused, though it is usable")
            if mutant.lossless and sound is Verdict.SOUND and judged.bids != expected:
                self.wrong.append(f"{name}: {_difference(judged.bids, expected)}")
            where = dotted(mutant.path)
            if not mutant.lossless and sound is Verdict.SOUND and not MAY_COST.match(where):
                if {bid.imp for bid in judged.bids} != {bid.imp for bid in expected}:
                    self.wrong.append(f"{name}: {_difference(judged.bids, expected)}, nbr {judged.reason}")

    async def bytes(self, base: Any, texts: Iterable[Bytes]) -> None:
        """Text that is no JSON is refused; text that is odd but JSON is served."""
        expected = (await self.post("the base", base)).bids
        for text in texts:
            document = _document(text.body)
            answer = await self.wire.post(text.body)
            self.met["requests"] += 1
            judged = judge(answer, document if text.served is None else base)
            if text.served is False and (answer.status != 400 or answer.body):
                self.wrong.append(f"{text.name}: status {answer.status}, and it is no bid request")
            if text.served and judged.bids != expected:
                self.wrong.append(f"{text.name}: {_difference(judged.bids, expected)}, status {answer.status}")
            if text.served is None:
                self.wrong += [f"{text.name}: {fault}" for fault in judged.faults]

    async def goes_on(self, base: Any) -> None:
        """A bid port that has met all this serves the next request."""
        if not (await self.post("after it all", base)).bids:
            self.wrong.append("after it all: no bid")

    def report(self) -> str:
        """The faults, for a failed assertion."""
        return "\n".join([f"{len(self.wrong)} wrong of {self.met['requests']}; {dict(self.met)}", *self.wrong[:60]])


def _difference(found: frozenset[Bid], expected: frozenset[Bid]) -> str:
    return f"bids {sorted(found - expected)} came, {sorted(expected - found)} are missing"


def _document(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None


@asynccontextmanager
async def posting(port: int) -> AsyncIterator[Battery]:
    async with Wire(port) as wire:
        yield Battery(wire)
