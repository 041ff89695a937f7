"""Asking a running process over HTTP, with an error that says what to do."""

from urllib.error import HTTPError, URLError
from urllib.request import urlopen

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
