"""The facts of a subject, from all who know some: its caller, its device, lists, graph and counters."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from risk.graph import GraphFeatures
from risk.inputs import UNREACHED, Inputs
from risk.subject import DeviceFacts, Subject


class OnList(Protocol):
    """What of a list's entry is read."""

    @property
    def list(self) -> str: ...


AUTOMATED = (
    "headlesschrome", "phantomjs", "slimerjs", "selenium", "puppeteer", "playwright", "electron/", "curl/", "wget/",
    "python-requests", "python-urllib", "aiohttp/", "go-http-client", "libwww-perl", "scrapy",
)  # fmt: skip
"""Of user agents, in lower case: programs that say what they are."""
SYSTEMS = {
    "android": ("android",),
    "ios": ("iphone", "ipad", "ipod", "cfnetwork", "darwin"),
    "windows": ("windows",),
    "macos": ("macintosh", "mac os x", "darwin"),
    "linux": ("linux", "x11"),
}
"""What user agents of a device's system have in them, one at least."""
_SAME = {"iphone os": "ios", "ipados": "ios", "mac os x": "macos", "os x": "macos", "mac os": "macos"}


def gather(
    subject: Subject,
    features: GraphFeatures | None = None,
    hits: Sequence[OnList] | None = None,
    counted: Mapping[str, float] | None = None,
    told: Mapping[str, float | None] | None = None,
) -> Inputs:
    """All that is known of a subject; whatever is None was not looked up. ``counted`` are the counters' facts, ``told``
    the caller's own, which come before what was found here. Raises Refused for facts that cannot be.
    """
    facts: dict[str, float | None] = dict(counted or {})
    if hits is not None:
        facts["black_listed"] = sum(hit.list == "black" for hit in hits)
        facts["grey_listed"] = sum(hit.list == "grey" for hit in hits)
    if features is not None and features.component_size:
        facts |= facts_of_graph(features)
    if subject.user_agent or subject.device is not None:
        facts |= facts_of_device(subject.user_agent, subject.device, facts)
    if told:
        facts |= told
    return Inputs(**facts)


def facts_of_graph(features: GraphFeatures) -> dict[str, float]:
    """Of a node that is in the graph."""
    distance = features.distance_to_fraud
    return {
        "component_size": features.component_size,
        "ip_degree": features.ip_degree,
        "device_degree": features.device_degree,
        "account_degree": features.account_degree,
        "phone_degree": features.phone_degree,
        "address_degree": features.address_degree,
        "shared_ip": features.shared_ip,
        "shared_device": features.shared_device,
        "distance_to_fraud": UNREACHED if distance < 0 else distance,
        "label_score": features.label_score,
    }


def facts_of_device(
    user_agent: str, device: DeviceFacts | None, counted: Mapping[str, float | None]
) -> dict[str, float]:
    """What the caller says of the device and the device of itself. ``counted``: it may be known here for longer."""
    told: dict[str, float] = {}
    agent = user_agent.lower()
    if agent:
        told["automated"] = int(any(word in agent for word in AUTOMATED))
    if device is None:
        return told
    if agent and (words := SYSTEMS.get(_SAME.get(device.os.lower(), device.os.lower()))):
        told["user_agent_mismatch"] = int(not any(word in agent for word in words))
    if device.emulator is not None:
        told["emulator"] = int(device.emulator)
    _any(told, "rooted", device.rooted, device.debugged)
    _any(told, "proxy", device.vpn, device.proxy, device.datacenter)
    if device.age_days is not None:
        told["device_age_h"] = max(24.0 * device.age_days, counted.get("device_age_h") or 0.0)
    return told


def _any(told: dict[str, float], name: str, *flags: bool | None) -> None:
    """1 if a flag is set, 0 if none of those known is, and nothing where none is known."""
    if any(flags):
        told[name] = 1
    elif any(flag is not None for flag in flags):
        told[name] = 0
