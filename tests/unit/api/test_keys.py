"""Keys: whose they are, what they may, how many calls a second; and the file that they are in."""

import json
import os
from pathlib import Path

import pytest

from api.keys import LOOK_S, Bucket, KeyFile, Keys
from api.problem import Failure
from domain.naming import name_id


class Seconds:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def status(keys: Keys, authorization: str) -> int:
    try:
        keys.key(authorization)
    except Failure as failure:
        return failure.status
    return 200


def test_a_key_is_known_by_its_token_alone_and_the_file_does_not_have_it(tmp_path: Path) -> None:
    now = Seconds()
    file, keys = KeyFile(tmp_path / "keys.json"), Keys(tmp_path / "keys.json", now=now)
    assert status(keys, "Bearer obk_x_y") == 401
    token, record = file.add("bank", ["a", "b"], rate=5)
    assert token not in file.path.read_text() and token.split("_", 2)[2] not in file.path.read_text()
    assert file.path.stat().st_mode & 0o777 == 0o600
    key = keys.key(f"Bearer {token}")  # at once, although it has just looked
    assert (key.institution, key.institution_id) == ("bank", name_id("bank"))
    assert key.may("a") and not key.may("c")
    assert keys.key(f"bearer {token}") is key
    wrong = [token[:-1], token + "x", token.replace("obk", "obx"), f"obk_{record.id}", f"obk_{record.id}_", "", "ä"]
    for other in (*(f"Bearer {each}" for each in wrong), f"Basic {token}", token, "Bearer", ""):
        assert status(keys, other) == 401, other
    assert file.revoke(record.id) and not file.revoke(record.id)
    now.at += LOOK_S
    assert status(keys, f"Bearer {token}") == 401


def test_a_key_that_has_expired_is_known_no_more(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    over, _ = file.add("bank", ["a"], expires_s=1)
    good, _ = file.add("bank", ["a"], expires_s=1 << 40)
    keys = Keys(file.path)
    assert (status(keys, f"Bearer {over}"), status(keys, f"Bearer {good}")) == (401, 200)


def test_the_deployments_own_secret_may_everything_and_an_empty_one_nothing(tmp_path: Path) -> None:
    assert Keys(tmp_path / "none", "secret").key("Bearer secret").may("whatever")
    assert status(Keys(tmp_path / "none"), "Bearer ") == 401


def forbidden(path: Path) -> None:
    raise PermissionError(13, "Permission denied", str(path))


def test_a_file_that_is_damaged_leaves_the_keys_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = Seconds()
    file, keys = KeyFile(tmp_path / "keys.json"), Keys(tmp_path / "keys.json", now=now)
    token, _ = file.add("bank", ["a"])
    assert status(keys, f"Bearer {token}") == 200
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:-9])
    now.at += LOOK_S
    assert status(keys, f"Bearer {token}") == 200
    file.path.write_bytes(whole.replace(json.dumps("bank").encode(), b'"bink"'))
    now.at += LOOK_S
    assert keys.key(f"Bearer {token}").institution == "bink"
    with monkeypatch.context() as patched:
        patched.setattr("api.keys.stamp_of", forbidden)
        now.at += LOOK_S
        assert status(keys, f"Bearer {token}") == 200
    os.unlink(file.path)
    now.at += LOOK_S
    assert status(keys, f"Bearer {token}") == 401


def test_a_rate_is_kept_over_any_second_but_for_one_burst() -> None:
    now = Seconds()
    bucket, taken = Bucket(10, now), 0
    for _ in range(1000):  # ten seconds, asked a hundred times each
        now.at += 0.01
        try:
            bucket.charge()
            taken += 1
        except Failure as failure:
            assert failure.status == 429 and failure.headers == {"Retry-After": "1"}
    assert 100 <= taken <= 120
    bucket.charge(0)
    Bucket(0, now).charge(1 << 40)  # no limit


def test_more_at_once_than_ever_are_there_are_let_through_once_and_waited_for() -> None:
    now = Seconds()
    bucket = Bucket(10, now)
    bucket.charge(100)
    now.at += 8.6
    with pytest.raises(Failure) as raised:
        bucket.charge(20)
    assert raised.value.headers == {"Retry-After": "2"}, "whoever waits so long is let through"
    now.at += 1.4
    bucket.charge(20)
