"""The battery: everything that strangers may post, against one bid port; and what was wrong with the answers."""

import asyncio
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
from tests.strangers.transport import Exchange
from tests.strangers.wire import Dropped, Wire

NO_MONEY = 505
"""No-bid reason: the leases of all that could bid are used up."""
BAD_REQUEST = 400
MOST_TRIES = 4
ROUNDS, MOST_ROUNDS = 30, 2_000
MAY_COST = re.compile("|".join(MAY_COST_THE_BID))


@dataclass
class Battery:
    """``wrong`` has one line for each answer that is not right; ``met`` counts what there was."""

    wire: Wire
    wrong: list[str] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)

    async def post(self, name: str, document: Any, exchange: str = "usx", body: bytes | None = None) -> Judged:
        """One request; the answer is judged whatever else is expected of it. A young lease that is used up grows."""
        sent = encoded(document) if body is None else body
        for _ in range(MOST_TRIES):
            answer = await self.wire.post(sent, f"/openrtb2/{exchange}")
            judged = judge(answer, document, exchange)
            if judged.reason != NO_MONEY:
                break
            await asyncio.sleep(0.1)
        self.wrong += [f"{name}: {fault}" for fault in judged.faults]
        self.met["requests"] += 1
        self.met["bids"] += len(judged.bids)
        self.met["with a bid"] += bool(judged.bids)
        self.met["refused"] += judged.refused
        return judged

    async def warm_up(self, bases: Iterable[Any]) -> None:
        """Returns when all imps of these get bids again and again: the leases of all line items have grown."""
        for base in bases:
            wanted = {imp["id"] for imp in base["imp"]}
            in_a_row = 0
            for _ in range(MOST_ROUNDS):
                found = {bid.imp for bid in (await self.post("warming up", base)).bids}
                in_a_row = in_a_row + 1 if found == wanted else 0
                if in_a_row == ROUNDS:
                    break
            else:
                self.wrong.append(f"{base['id']}: not all of its imps get a bid, unbroken")

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
            lost = {bid.imp for bid in judged.bids} != {bid.imp for bid in expected}
            if lost and not mutant.lossless and sound is Verdict.SOUND and not MAY_COST.match(where):
                self.wrong.append(f"{name}: {_difference(judged.bids, expected)}, nbr {judged.reason}")

    async def anything(self, name: str, document: Any) -> None:
        """Whatever it is, it is refused only if it is unusable, and what is bid is right."""
        judged = await self.post(name, document)
        if judged.refused and of_request(document) is Verdict.SOUND:
            self.wrong.append(f"{name}: refused, though it is usable: {encoded(document)[:2_000]!r}")

    async def bytes(self, base: Any, texts: Iterable[Bytes]) -> None:
        """Text that is no JSON is refused; text that is odd but JSON is served."""
        expected = (await self.post("the base", base)).bids
        for text in texts:
            judged = await self.post(text.name, _document(text.body) if text.served is None else base, body=text.body)
            if text.served is False and judged.status != BAD_REQUEST:
                self.wrong.append(f"{text.name}: status {judged.status}, and it is no bid request")
            if text.served and judged.bids != expected:
                self.wrong.append(f"{text.name}: {_difference(judged.bids, expected)}, nbr {judged.reason}")

    async def transport(self, exchanges: Iterable[Exchange]) -> None:
        """Each on a connection of its own: the answers, and whether the connection stays open."""
        for exchange in exchanges:
            self.wire.close()
            parts = (exchange.sent,) if isinstance(exchange.sent, bytes) else exchange.sent
            for part in parts:
                await self.wire.send(part)
                if len(parts) > 1:
                    await asyncio.sleep(0.01)
            self.met["exchanges of HTTP"] += 1
            for place, allowed in enumerate(exchange.statuses):
                try:
                    answer = await self.wire.read(keep=True)
                except Dropped as dropped:
                    self.wrong.append(f"{exchange.name}: no answer {place}, {dropped}")
                    break
                if answer.status not in (allowed if isinstance(allowed, tuple) else (allowed,)):
                    self.wrong.append(
                        f"{exchange.name}: answer {place} is {answer.status} {answer.headers}, not {allowed}"
                    )
            else:
                if exchange.ends is not None and exchange.ends != await self.wire.is_over():
                    self.wrong.append(
                        f"{exchange.name}: the connection is {'open' if exchange.ends else 'closed'} after it"
                    )
        self.wire.close()

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
