"""What the risk service's API is asked under load (`rig.api_load`).

Half of the calls are ``/v1/score`` with all six scores, half ``/v1/decide`` by the example flow, each decision on disk
before it is answered; subjects have two ids and an address, and are known to graph, counters and lists.
"""

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rig import api_load
from rig.api_load import ROOT, Question

REQUESTS = 20_000
AGENT = "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile"


def api_figures(rate: int = 2_000, seconds: float = 10.0, turns: int = 3, people: int = 100_000) -> dict[str, Any]:
    """As `rig.api_load.api_figures`."""
    return api_load.api_figures("risk", lambda root: make_world(root, people), questions(people), rate, seconds, turns)


def make_world(root: Path, people: int) -> None:
    """Devices, phones and addresses of as many people, some of them shared, some known fraud; a flow."""
    from domain.naming import person_key
    from risk.counters import Counters, Event
    from risk.graph import Edge, Graph
    from risk.graph_kinds import DEVICE, IP, PHONE

    rng = random.Random(8)
    now_s = int(time.time())
    (root / "flows").mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "risk-flow.yaml", root / "flows")
    edges, devices = [], []
    counters = Counters.open(_made(root / "counters"))
    for person in range(people):
        device, phone = person_key("ifa", _ifa(person)), person_key("phone_sha256", _phone(person))
        ip = person_key("ip", _ip(person))
        devices.append(device)
        edges += [Edge(device, phone, DEVICE, PHONE), Edge(device, ip, DEVICE, IP)]
        name = rng.choice(("click", "install", "application", "loan_view"))
        ids = (("ifa", device), ("phone_sha256", phone))
        counters.observe(Event(name, now_s - rng.randrange(80_000), ids, ip, rng.randrange(1, 9)))  # type: ignore[arg-type]
    counters.close()
    with Graph.open(root / "graph", owner=True) as graph:
        graph.add(edges)
        for device in rng.sample(devices, people // 100):
            graph.label(device, True, DEVICE)


def questions(people: int) -> Iterator[Question]:
    """Half scores, half decisions, about anybody."""
    rng = random.Random(9)
    for number in range(REQUESTS):
        person = rng.randrange(people)
        subject = {
            "ids": [f"ifa:{_ifa(person)}", f"phone_sha256:{_phone(person)}"],
            "ip": _ip(person),
            "user_agent": AGENT,
            "device": {"os": "android", "emulator": False},
        }
        what, told = ("decide", {"flow": "instalments", "facts": {"amount": 4000}}) if number % 2 else ("score", {})
        yield what, {"subject": subject, **told}


def _ifa(person: int) -> str:
    return f"{(person + 1) * 0x9E3779B97F4A7C15 % (1 << 128):032x}"


def _phone(person: int) -> str:
    return f"{(person * 0xD1B54A32D192ED03 + 7) % (1 << 256):064x}"


def _ip(person: int) -> str:
    """Three people an address."""
    at = person // 3
    return f"10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}"


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory
