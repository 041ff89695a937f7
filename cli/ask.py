"""Asking a running process over HTTP, with an error that says what to do."""

from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from domain.campaign import Snapshot

TIMEOUT_S = 120
LONG_S = 3_600


class NoAnswer(Exception):
    """The process is not there (``unreachable``), or refuses; the text is for the person at the command line."""

    def __init__(self, text: str, *, unreachable: bool = False) -> None:
        super().__init__(text)
        self.unreachable = unreachable


def ask(url: str) -> bytes:
    """Body of a GET. Raises `NoAnswer`."""
    return _open(Request(url), TIMEOUT_S)


def send(url: str, body: bytes, secret: str) -> bytes:
    """Answer's body to a POST by one who has the deployment's secret; for what may take long. Raises `NoAnswer`."""
    return _open(Request(url, body, {"Authorization": f"Bearer {secret}"}), LONG_S)


def _open(request: Request, timeout_s: float) -> bytes:
    url = request.full_url
    try:
        with urlopen(request, timeout=timeout_s) as answer:
            body: bytes = answer.read()
            return body
    except HTTPError as refused:
        raise NoAnswer(refused.read().decode(errors="replace").strip() or f"{url}: {refused}") from None
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise NoAnswer(
            f"nothing answers at {url.split('/v1/')[0]} ({reason}); is `outbid up` running?", unreachable=True
        ) from None


def published() -> "Snapshot":
    """The snapshot that control has published. Raises `NoAnswer`."""
    import msgspec

    from domain.campaign import Snapshot
    from domain.settings import places

    return msgspec.msgpack.decode(ask(f"{places().control_base}/v1/snapshots/current"), type=Snapshot)
