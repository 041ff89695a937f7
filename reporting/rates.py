"""The exchange rates of the control store, for reports that are in one currency."""

import threading
import time
import urllib.request
from http.client import HTTPException

import msgspec

from domain.campaign import Rate
from domain.errors import Unavailable

_KEPT_S = 10.0
_TIMEOUT_S = 5.0
_read = msgspec.json.Decoder(tuple[Rate, ...]).decode


class RatesOfControl:
    """Asked of control, and remembered for some seconds. For several threads."""

    def __init__(self, control: str) -> None:
        self._url = f"{control}/v1/rates"
        self._lock = threading.Lock()
        self._rates: tuple[Rate, ...] = ()
        self._until = 0.0

    def __call__(self) -> tuple[Rate, ...]:
        """All rates of all days. Raises Unavailable."""
        with self._lock:
            if time.monotonic() >= self._until:
                try:
                    with urllib.request.urlopen(self._url, timeout=_TIMEOUT_S) as answer:
                        self._rates = _read(answer.read())
                except (OSError, HTTPException, msgspec.DecodeError) as error:
                    raise Unavailable(
                        f"control does not tell the exchange rates ({error}): ask again without currency, or later"
                    ) from None
                self._until = time.monotonic() + _KEPT_S
            return self._rates
