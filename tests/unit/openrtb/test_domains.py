"""Domains on block lists: the host, whatever it is wrapped in."""

import pytest

from openrtb.domains import host_in


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("casino.example", "casino.example"),
        ("http://casino.example", "casino.example"),
        ("https://casino.example/", "casino.example"),
        ("//casino.example/a//b", "casino.example"),
        ("casino.example/bonus/*", "casino.example"),
        ("casino.example:8080", "casino.example"),
        ("casino.example?x=//y.example", "casino.example"),
        ("casino.example/go//y.example", "casino.example"),
        ("https://casino.example#top", "casino.example"),
        ("*.casino.example", "casino.example"),
        (".casino.example", "casino.example"),
        ("casino.example.", "casino.example"),
        ("  casino.example ", "casino.example"),
        ("Größe.example/ä", "Größe.example"),
        ("", ""),
        ("/", ""),
        ("*", ""),
        ("http://", ""),
    ],
)
def test_hosts(written: str, host: str) -> None:
    assert host_in(written) == host
