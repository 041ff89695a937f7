"""The exchange's own check of pods: which bids of a response do not fit into the breaks they are for.

Written from OpenRTB 2.6 (3.2.7, 3.2.8, 4.2.3, 7.6) and AdCOM's lists alone. Bids are taken in the order of the
response: what goes beyond a limit is refused, what came before it stays.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.offer import Offer
from simulator.sloppy import integer, integers, text_of, whole

Json = Mapping[str, Any]

FIRST, LAST, EITHER = 1, -1, 2
"""List "Slot Position in Pod"."""
ONE_OF_A_DOMAIN, ONE_OF_A_CATEGORY = 1, 2
"""List "Pod Deduplication Settings"."""


@dataclass
class _Taken:
    """What a dynamic imp has got so far."""

    ads: int = 0
    seconds: int = 0
    slots: set[int] = field(default_factory=set)


def pod_faults(bids: Sequence[Json], offer: Offer) -> dict[int, str]:
    """By a bid's place in the response: why it does not fit into its pod."""
    faults: dict[int, str] = {}
    taken: defaultdict[tuple[str, int], _Taken] = defaultdict(_Taken)
    in_pod: defaultdict[str, list[Json]] = defaultdict(list)
    for place, bid in enumerate(bids):
        imp, kind = offer.imps.get(str(bid.get("impid"))), bid.get("mtype", 1)
        if imp is None or kind not in (2, 3) or kind not in imp.offered:
            continue
        offered, pod = imp.offered[kind], text_of(imp.offered[kind].get("podid")) or f"imp {imp.id}"
        if imp.takes_several(kind):
            why = _overfull(bid, offered, taken[imp.id, kind])
        else:
            why = "slotinpod on an imp that is a slot itself" if bid.get("slotinpod") else ""
        together = [one for one in in_pod[pod] if one.get("impid") != bid.get("impid") or imp.takes_several(kind)]
        why = why or _double(bid, offered, together)
        if why:
            faults[place] = why
        else:
            in_pod[pod].append(bid)
    return faults


def _overfull(bid: Json, offered: Json, taken: _Taken) -> str:
    """Counts the bid in, if there is room."""
    seconds, slot, promised = bid.get("dur"), bid.get("slotinpod", 0), integer(offered.get("slotinpod"))
    if type(seconds) is not int or seconds <= 0:
        return f"dur is {seconds!r}, and a dynamic pod is filled by it"
    most, whole_pod = whole(offered.get("maxseq")), integer(offered.get("poddur"))
    if most and taken.ads >= most:
        return f"the pod takes {most} ads"
    if taken.seconds + seconds > whole_pod:
        return f"{seconds} s do not fit beside {taken.seconds} s into a pod of {whole_pod} s"
    if slot not in (0, FIRST, LAST) or (slot and promised not in (slot, EITHER)):
        return f"slotinpod is {slot!r}, where {promised!r} is promised"
    if slot and slot in taken.slots:
        return f"slotinpod {slot} is taken"
    taken.ads, taken.seconds = taken.ads + 1, taken.seconds + seconds
    taken.slots.add(slot)
    return ""


def _double(bid: Json, offered: Json, others: list[Json]) -> str:
    """Is it what another that may be shown in the same pod is?"""
    rules = integers(offered.get("poddedupe"))
    for other in others:
        if bid.get("crid") == other.get("crid"):
            return f"creative {bid.get('crid')!r} is in the pod already"
        for rule, name in ((ONE_OF_A_DOMAIN, "adomain"), (ONE_OF_A_CATEGORY, "cat")):
            both = {*(bid.get(name) or ())} & {*(other.get(name) or ())}
            if rule in rules and both:
                return f"{name} {sorted(both)} is in the pod already, and the seller keeps one"
    return ""
