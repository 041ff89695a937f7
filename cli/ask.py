"""Asking a running process over HTTP, with an error that says what to do."""

from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

if TYPE_CHECKING:
    from domain.campaign import Snapshot

TIMEOUT_S = 120


class NoAnswer(Exception):
    """The process is not there, or refuses; the text is for the person at the command line."""


def ask(url: str) -> bytes:
    """Body of a GET. Raises `NoAnswer`."""
    try:
        with urlopen(url, timeout=TIMEOUT_S) as answer:
            body: bytes = answer.read()
            return body
    except HTTPError as refused:
        raise NoAnswer(refused.read().decode(errors="replace").strip() or f"{url}: {refused}") from None
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise NoAnswer(f"nothing answers at {url.split('/v1/')[0]} ({reason}); is `outbid up` running?") from None


def published() -> "Snapshot":
    """The snapshot that control has published. Raises `NoAnswer`."""
    import msgspec

    from domain.campaign import Snapshot
    from domain.settings import places

    return msgspec.msgpack.decode(ask(f"{places().control_base}/v1/snapshots/current"), type=Snapshot)
