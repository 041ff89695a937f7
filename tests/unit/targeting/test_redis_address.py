"""Where a Redis is, in the settings' words; and slots, against the specification's own examples and redis-cli's."""

import pytest

from domain.settings import SettingsError, load
from targeting.config import ProfileSettings
from targeting.redis_address import SLOTS, Address, Away, parse, read_slots, slot_of


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://db", Address((("db", 6379),), False, False)),
        ("redis://:p%40ss@db:7/3", Address((("db", 7),), False, False, "", "p@ss", 3)),
        ("rediss://me:it@[::1]:7", Address((("::1", 7),), False, True, "me", "it")),
        ("redis+cluster://a:1,b", Address((("a", 1), ("b", 6379)), True, False)),
    ],
)
def test_addresses(url: str, address: Address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    "url",
    ["db", "http://db", "redis://", "redis://a,b", "redis+cluster://a/1", "redis://a:x", "redis://a/x", "redis://a/-1"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no address of a Redis; redis://"):
        parse(url)


def test_an_address_is_said_without_its_password() -> None:
    assert str(parse("rediss+cluster://me:secret@a:1,b:2")) == "rediss+cluster://a:1,b:2"
    with pytest.raises(ValueError, match=r"'a,b' is no address"):
        parse("redis://me:secret@a,b")


@pytest.mark.parametrize(
    ("key", "slot"),
    [
        (b"123456789", 0x31C3),  # Redis Cluster Specification, appendix A
        (b"foo", 12182),
        (b"somekey", 11058),
        (b"foo{hash_tag}", 2515),
        (b"bar{hash_tag}", 2515),
        (b"foo{}{bar}", 8363),
        (b"foo{{bar}}zap", 4015),
        (b"foo{bar}{zap}", 5061),
    ],
)
def test_slots(key: bytes, slot: int) -> None:
    assert slot_of(key) == slot


def test_a_cluster_that_does_not_serve_all_slots_is_none() -> None:
    whole = [[0, SLOTS - 1, [b"", 7, b"id"]]]
    assert read_slots(whole, ("a", 1)) == [("a", 7)] * SLOTS
    with pytest.raises(Away, match="serves 5 of 16384"):
        read_slots([[0, 4, [b"b", 7, b"id"]]], ("a", 1))


def test_settings_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBID_PROFILES_STORE", "mysql://db")
    with pytest.raises(SettingsError, match="is no address of a Redis"):
        load("profiles", ProfileSettings)
    monkeypatch.setenv("OUTBID_PROFILES_STORE", "redis://db")
    monkeypatch.setenv("OUTBID_PROFILES_TIMEOUT_MS", "0")
    with pytest.raises(SettingsError, match="timeout_ms"):
        load("profiles", ProfileSettings)
