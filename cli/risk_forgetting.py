"""Forgetting a person in what the risk service has counted and decided; the rest of it is in `cli.forgetting`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from cli.ask import NoAnswer, send
from domain.errors import Unavailable
from domain.keys import internal_secret, load_keys
from domain.settings import Places
from risk import decisions
from risk.counters import Counters
from targeting.identity_keys import written_key

MOST_AT_ONCE = 32
"""Ids of a subject."""


def forget_in_service(place: Places, keys: Sequence[int], say: Callable[[str], None]) -> list[str]:
    """Takes a person's keys out of counters and decisions of this host's risk service, whether it runs or not; returns
    what is left and why.
    """
    root = place.data / "risk"
    if not root.is_dir():
        return []
    say(f"risk decisions: {decisions.forget(root, keys)} blanked")
    if not (root / "counters").is_dir():
        return []
    try:
        for start in range(0, len(keys), MOST_AT_ONCE):
            ids = [written_key(key) for key in keys[start : start + MOST_AT_ONCE]]
            body = msgspec.json.encode({"subject": {"ids": ids}})
            send(f"{place.risk_base}/v1/forget", body, internal_secret(load_keys(place.data)))
    except NoAnswer as error:
        if not error.unreachable:
            return [f"risk counters: {error}"]
        return _forget_here(root / "counters", keys, say)
    say("risk counters: taken out by the service")
    return []


def _forget_here(directory: Path, keys: Sequence[int], say: Callable[[str], None]) -> list[str]:
    try:
        counters = Counters.open(directory)
    except Unavailable as error:
        return [f"risk counters: {error}: a service that does not answer has them; run this again then"]
    try:
        counters.forget(keys)
    finally:
        counters.close()
    say("risk counters: taken out")
    return []
