"""Rings among clicks: addresses and devices whose clicks have more in common than chance would give them.

Nothing here looks at installs: rings are found and ranked by what clicks have in common alone, so that installs can
tell what the ranking is worth (`risk.ring_evidence`).

*Address*: one address with at least `LEAST_CLICKS` clicks. Devices are told apart by model, system and the app they
were led to; of each such combination every click beyond the first is a coincidence, as surprising as the combination is
rare among the clicks of all other addresses: -log2 of its share there, in bits. An address that very many different
people share (a carrier's gateway) has few of them for its size; one behind which some devices click for the same app
again and again has many.

*Pair*: one model with one system behind one address, which is as near to a person as such data comes, with at least
`LEAST_CLICKS` clicks; the same, with coincidences of apps.

*Device*: one model with one system at `LEAST_ADDRESSES` addresses or more. Its clicks are compared with all others by
app: n times the Kullback-Leibler divergence, in bits, less what chance alone would make of so many clicks (Miller and
Madow's correction, half a nat a degree of freedom). A farm, or a piece of software that always tells the same device,
goes to the few apps that it is paid for.
"""

from collections.abc import Callable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from risk.click_log import Clicks

SORTS = ("address", "pair", "device")
NAMED_BY = {"address": ("ip",), "pair": ("ip", "device", "os"), "device": ("device", "os")}
LEAST_CLICKS, LEAST_ADDRESSES = 3, 5
HOUR_S = 3_600

Codes = NDArray[np.int64]
Bits = Callable[[Codes], float]
"""Of the clicks at these places."""


class ClickRing(Struct, frozen=True):
    """Clicks that have an address, a device or both in common."""

    sort: str
    """One of `SORTS`."""
    code: int
    """Which one: the same number means the same in other parts of a `Clicks`."""
    name: str
    rows: NDArray[np.int64]
    """Its clicks, by place."""
    bits: float
    """How surprising what they have in common is."""
    addresses: int
    devices: int
    """Different models and systems."""
    apps: int
    most_an_hour: int
    """Clicks in its busiest hour of the clock."""

    @property
    def clicks(self) -> int:
        return len(self.rows)


def rings_of(clicks: Clicks, sort: str) -> list[ClickRing]:
    """All rings of a sort, the most surprising first."""
    if sort == "device":
        return _rings(sort, clicks, LEAST_ADDRESSES, _by_app(clicks))
    if sort == "pair":
        return _rings(sort, clicks, 1, _coincidences(clicks.app))
    return _rings(sort, clicks, 1, _coincidences(_distinct(device_codes(clicks), clicks.app)))


def device_codes(clicks: Clicks) -> Codes:
    """Model and system together, numbered alike in all parts of a `Clicks`."""
    return clicks.device * len(clicks.names["os"]) + clicks.os


def ring_codes(clicks: Clicks, sort: str) -> Codes:
    """Which ring of a sort each click would be of."""
    if sort == "address":
        return clicks.ip
    devices = device_codes(clicks)
    return devices if sort == "device" else devices * len(clicks.names["ip"]) + clicks.ip


def _coincidences(combination: Codes) -> Bits:
    everywhere = np.bincount(combination)

    def bits(rows: Codes) -> float:
        which, here = np.unique(combination[rows], return_counts=True)
        elsewhere = (everywhere[which] - here + 1) / (len(combination) - len(rows) + 1)
        return float(((here - 1) * -np.log2(elsewhere)).sum())

    return bits


def _by_app(clicks: Clicks) -> Bits:
    everywhere = np.bincount(clicks.app, minlength=len(clicks.names["app"]))

    def bits(rows: Codes) -> float:
        which, here = np.unique(clicks.app[rows], return_counts=True)
        elsewhere = (everywhere[which] - here + 1) / (len(clicks) - len(rows) + len(everywhere))
        found = float((here * np.log2(here / len(rows) / elsewhere)).sum())
        return max(0.0, found - (len(which) - 1) / (2 * float(np.log(2))))

    return bits


def _rings(sort: str, clicks: Clicks, least_addresses: int, bits: Bits) -> list[ClickRing]:
    devices, codes, found = device_codes(clicks), ring_codes(clicks, sort), []
    order = np.argsort(codes, kind="stable")
    ends = np.flatnonzero(np.diff(codes[order], append=-1)) + 1
    starts = np.concatenate([[0], ends[:-1]])
    large = ends - starts >= LEAST_CLICKS
    for start, end in zip(starts[large].tolist(), ends[large].tolist(), strict=True):
        rows = order[start:end]
        addresses = len(np.unique(clicks.ip[rows]))
        if addresses < least_addresses:
            continue
        found.append(
            ClickRing(
                sort,
                int(codes[rows[0]]),
                _name(clicks, sort, int(rows[0])),
                rows,
                bits(rows),
                addresses,
                len(np.unique(devices[rows])),
                len(np.unique(clicks.app[rows])),
                int(np.unique(clicks.time_s[rows] // HOUR_S, return_counts=True)[1].max()),
            )
        )
    return sorted(found, key=lambda ring: (-ring.bits, -ring.clicks, ring.code))


def _distinct(one: Codes, other: Codes) -> Codes:
    """Pairs as numbers from 0."""
    numbers: Codes = np.unique(one * (int(other.max()) + 1) + other, return_inverse=True)[1]
    return numbers


def _name(clicks: Clicks, sort: str, at: int) -> str:
    told = {name: clicks.names[name][int(getattr(clicks, name)[at])] for name in ("ip", "device", "os")}
    return ", ".join(f"{name} {told[name]}" for name in NAMED_BY[sort])
