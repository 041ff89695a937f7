"""Asking a running process over HTTP, with an error that says what to do."""

from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from domain.campaign import Snapshot

TIMEOUT_S = 120
LONG_S = 3_600
_WRONG_INPUT = 400


class NoAnswer(Exception):
    """The process is not there (``unreachable``), or refuses; the text is for the person at the command line.
    ``status`` is what a command that cannot do without the answer ends with.
    """

    def __init__(self, text: str, *, unreachable: bool = False, status: int = 1) -> None:
        super().__init__(text)
        self.unreachable, self.status = unreachable, status


def ask(url: str, headers: "Mapping[str, str] | None" = None) -> bytes:
    """Body of a GET. Raises `NoAnswer`. The reporter wants `authorization` for what not everybody may see."""
    return _open(Request(url, headers=dict(headers or {})), TIMEOUT_S)


def send(url: str, body: bytes, secret: str) -> bytes:
    """Answer's body to a POST by one who has the deployment's secret; for what may take long. Raises `NoAnswer`."""
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    return _open(Request(url, body, headers), LONG_S)


def pieces(url: str, size: int) -> "Iterator[bytes]":
    """Body of a GET of the reporter, as it comes. Raises `NoAnswer`, also where it breaks off."""
    try:
        with _opened(Request(url, headers=authorization()), LONG_S) as answer:
            while piece := answer.read(size):
                yield piece
    except (HTTPException, OSError) as error:
        raise NoAnswer(f"the answer broke off, so there is nothing whole ({error or type(error).__name__})") from None


def authorization() -> dict[str, str]:
    """What the reporter is shown: the token in ``OUTBID_REPORT_TOKEN``, else the deployment's secret, where its keys
    lie on this host.
    """
    import os

    from domain.keys import internal_secret, load_keys
    from domain.settings import places

    token = os.environ.get("OUTBID_REPORT_TOKEN", "")
    if not token and (places().data / "keys.json").exists():
        token = internal_secret(load_keys(places().data))
    return {"Authorization": f"Bearer {token}"} if token else {}


def _open(request: Request, timeout_s: float) -> bytes:
    with _opened(request, timeout_s) as answer:
        body: bytes = answer.read()
        return body


def _opened(request: Request, timeout_s: float) -> "HTTPResponse":
    url = request.full_url
    try:
        answer: HTTPResponse = urlopen(request, timeout=timeout_s)
        return answer
    except HTTPError as refused:
        text = refused.read().decode(errors="replace").strip() or f"{url}: {refused}"
        raise NoAnswer(text, status=2 if refused.code == _WRONG_INPUT else 1) from None
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
