"""What the risk service, or its tables and lists, know of the person of a request: fraud, device risk, black lists.

Three modes (``[risk_module] mode``): ``profile``, scores in the person's own record; ``in_process``, tables and lists
of the risk service that are on this host, mapped into memory; ``remote``, the service itself, over HTTP. Without an
answer nothing is known, and each line item says by its ``risk`` what that means to it.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from bidder.enrichment.memory import Memory
from bidder.enrichment.remote import RemoteService
from domain.worth import MOST_RISK, RISK_FACTS, Fact
from risk.lists import Lists, standing
from targeting.addresses import address
from targeting.identity_keys import written_key

if TYPE_CHECKING:
    from bidder.auction import Wanted
    from bidder.config import RiskModuleSettings

PATH = "/v1/score"
SCORES = {"fraud": Fact.FRAUD, "device_risk": Fact.DEVICE_RISK}
LISTS = ("black", "grey", "white")
MOST_IDS = 8
"""Of a person, those that are trusted most."""
MOST_AGENT = 512
"""Characters of a user agent that go along."""


class RiskTold(NamedTuple):
    """What is known; numbers that are not mean nothing."""

    facts: int
    """`domain.worth.Fact`"""
    fraud: int = 0
    device_risk: int = 0


class BlackLists:
    """The lists of this host, as `bidder.worth` asks them: those of everybody, and of one institution."""

    def __init__(self, lists: Lists, institution: int) -> None:
        self._lists, self._institution = lists, institution
        self.take()

    def take(self) -> None:
        """What the lists have now."""
        shelves = (shelf for shelf in self._lists.opened() if shelf.id in (("black", 0), ("black", self._institution)))
        self.tables = tuple(shelf.table for shelf in shelves if shelf.shelf.keys)
        self.changed, self.addresses = self._lists.changed(), Memory(self._named)

    def reload(self) -> bool:
        """Whether there is anything new."""
        return self._lists.reload()

    def _named(self, ip: str) -> bool:
        return bool(self._lists.look((), ip, self._institution, 0))

    def is_black(self, keys: Sequence[int], ip: str | None, now_s: int) -> bool:
        """Exactly."""
        return standing(self._lists.look(keys, ip, self._institution, now_s)) == "black"


class RiskService:
    """The risk service as the waiting room asks it."""

    facts = int(RISK_FACTS)
    name = "risk"

    def __init__(self, settings: "RiskModuleSettings") -> None:
        self.timeout_s, self._send_device = settings.timeout_ms / 1000, settings.send_device
        self._addresses = Memory(canonical)
        self.service = RemoteService.of(self.name, settings, PATH, read_answer)

    def who(self, wanted: "Wanted") -> Hashable | None:
        """What answers are remembered by; None: there is nobody to ask about."""
        ids = tuple(wanted.ids[:MOST_IDS])
        if not self._send_device:
            return ids or None
        at = self._addresses[wanted.address] if wanted.address else ""
        agent = wanted.agent[:MOST_AGENT] if wanted.agent else None  # an exchange may send one of any length
        return (ids, at, agent) if ids or at else None

    def ask(self, key: Hashable, wanted: "Wanted", wait_s: float, then: Callable[[RiskTold | None], None]) -> bool:
        """As `RemoteService.ask`."""
        return self.service.ask(key, lambda: self.question(wanted), wait_s, then)

    def question(self, wanted: "Wanted") -> bytes:
        """The body of a request."""
        subject: dict[str, Any] = {"ids": [written_key(key) for key in wanted.ids[:MOST_IDS]]}
        if self._send_device and wanted.address and (at := self._addresses[wanted.address]):
            subject["ip"] = at
        if self._send_device and wanted.agent:
            subject["user_agent"] = (
                wanted.agent[:MOST_AGENT].encode("utf-8", "replace").decode()
            )  # half a surrogate pair
        return msgspec.json.encode({"subject": subject, "scores": list(SCORES)})


def canonical(text: str) -> str:
    """An address in its one form; empty for what is none, or was cut: a service would refuse the whole question."""
    found = address(text)
    return found.text if found is not None else ""


def read_answer(body: bytes) -> RiskTold:
    """A score that is missing is not known. Raises ValueError for what cannot be: then nothing of it is believed."""
    told = msgspec.json.decode(body)
    if not isinstance(told, dict):
        raise ValueError("the answer is no object")
    scores, lists = told.get("scores"), told.get("lists")
    facts, found = Fact(0), {"fraud": 0, "device_risk": 0}
    if scores is not None:
        if not isinstance(scores, dict):
            raise ValueError("scores: no object")
        for name, fact in SCORES.items():
            if (value := whole(scores.get(name), f"scores.{name}", "score", 0, MOST_RISK)) is not None:
                facts |= fact
                found[name] = value
    if lists is not None:
        facts |= Fact.LISTED | (Fact.BLACK if _black(lists) else Fact(0))
    return RiskTold(int(facts), **found)


def _black(lists: object) -> bool:
    """Whether an entry of a black list counts: one that another list overrules does not."""
    if not isinstance(lists, list):
        raise ValueError("lists: no array")
    found = False
    for place, one in enumerate(lists):
        said = one if isinstance(one, dict) else {}
        name, overruled = said.get("list"), said.get("overruled", False)
        if name not in LISTS or not isinstance(overruled, bool):
            raise ValueError(f"lists[{place}]: no entry of a list")
        found = found or (name == "black" and not overruled)
    return found


def whole(holder: object, path: str, field: str, low: int, high: int) -> int | None:
    """A whole number in a field of an object; None where either is missing."""
    if holder is None:
        return None
    if not isinstance(holder, dict):
        raise ValueError(f"{path}: no object")
    value = holder.get(field)
    if value is None:
        return None
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{path}.{field}: no whole number from {low} to {high}")
    return value
