"""Who may ask for reports without a token, and what is said to others."""

import time
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp import web
from multidict import CIMultiDict

from domain.keys import Keys, internal_secret, report_key
from reporting import scope
from reporting.admission import Admission
from reporting.config import Reporting
from reporting.scope import ALL

KEYS = Keys(b"s" * 16, b"m" * 16, b"p" * 32)


def asked(headers: dict[str, str], peer: str = "127.0.0.1") -> Any:
    transport = Mock()
    transport.get_extra_info = lambda name: (peer, 50_000) if name == "peername" else None
    return Mock(headers=CIMultiDict(headers), transport=transport)


@pytest.mark.parametrize(
    ("headers", "peer", "known"),
    [
        ({"Host": "127.0.0.1:8083"}, "127.0.0.1", True),
        ({"Host": "localhost"}, "127.0.0.1", True),
        ({"Host": "[::1]:8083"}, "::1", True),
        ({"Host": "127.0.0.1:8083"}, "192.0.2.1", False),
        ({"Host": "rebound.example:8083"}, "127.0.0.1", False),
        ({"Host": "[::1"}, "127.0.0.1", False),
        ({}, "127.0.0.1", False),
        ({"Host": "localhost", "X-Forwarded-Proto": "https"}, "127.0.0.1", False),
        ({"Host": "localhost", "x-forwarded-for": "127.0.0.1"}, "127.0.0.1", False),
        ({"Host": "localhost", "Via": "1.1 proxy"}, "127.0.0.1", False),
    ],
)
def test_who_asks_from_this_host_itself_needs_no_token(headers: dict[str, str], peer: str, known: bool) -> None:
    request = asked(headers, peer)
    if known:
        assert Admission(KEYS, Reporting()).scope(request) is ALL
    else:
        with pytest.raises(web.HTTPUnauthorized):
            Admission(KEYS, Reporting()).scope(request)
    with pytest.raises(web.HTTPUnauthorized):
        Admission(KEYS, Reporting(anonymous="never")).scope(request)


def test_a_token_counts_for_what_it_says_whoever_brings_it() -> None:
    admission = Admission(KEYS, Reporting())
    token = scope.issue(report_key(KEYS), int(time.time()) + 60, (7,))
    for peer in ("127.0.0.1", "192.0.2.1"):
        request = asked({"Host": "localhost", "Authorization": f"Bearer {token}"}, peer)
        claims = admission.scope(request).claims
        assert claims is not None and claims.advertisers == (7,)
        with pytest.raises(web.HTTPForbidden):
            admission.whole(request)
    assert admission.scope(asked({"Authorization": f"bearer {internal_secret(KEYS)}"}, "192.0.2.1")) is ALL
    for wrong in ("Bearer ", "Bearer \udcff", "Bearer obr1.\udcff.x", "Basic eDp5"):  # bytes that are no UTF-8
        with pytest.raises(web.HTTPUnauthorized):
            admission.scope(asked({"Host": "localhost", "Authorization": wrong}))
