"""What processes log: JSON that can be read, no persons, and the same error not for ever."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from domain.settings import SettingsError
from monitoring import logs
from monitoring.config import LogSettings, log_settings
from monitoring.logs import Json, Output
from monitoring.personal import without_persons


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, which is as it was afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield root
    root.handlers[:], root.level = before


def test_a_line_is_an_object(root: logging.Logger) -> None:
    written = io.StringIO()
    logs.begin("bidder", 3, LogSettings(format="json", levels={"loud": "debug", "quiet": "error"}), written)
    logging.getLogger("quiet.child").warning("not logged")
    logging.getLogger("loud").debug("two\nlines of %s", "text", extra={"line_item": 7})
    try:
        1 // 0  # noqa: B018
    except ZeroDivisionError:
        logging.getLogger("loud").exception("it failed")
    first, second = (json.loads(line) for line in written.getvalue().splitlines())
    assert (first["process"], first["worker"], first["level"], first["logger"]) == ("bidder", 3, "debug", "loud")
    assert first["message"] == "two\nlines of text" and first["fields"] == {"line_item": "7"}
    assert first["time"].endswith("+00:00")
    assert second["exception"]["type"] == "ZeroDivisionError" and "1 // 0" in second["exception"]["traceback"]


@pytest.mark.parametrize(
    ("text", "logged"),
    [
        ("from 203.0.113.9:443, and [2001:db8::1]", "from [address]:443, and [[address]]"),
        ("bidding on 0.0.0.0:8080, control at http://10.0.0.2:8082", None),
        ("ClickHouse 18.16.1 at 12:30:59, ::1 and fe80::1", None),
        ("::ffff:203.0.113.9 asked", "[address] asked"),
        ("user.id: 'u-1' is not allowed; a string", "user.id: [value] is not allowed; a string"),
        ("device.geo.lat: 52.5200, device.ip: '198.51.100.7'", "device.geo.lat: [value], device.ip: [value]"),
        ('{"ifa":"abc","w":300,"buyeruid": "b1"}', '{"ifa":[value],"w":300,"buyeruid": [value]}'),
        ("person=77&uid=88", "person=[value]&uid=[value]"),
        ("6D92078A-8246-4BA4-AE5B-76104861E7DC", "[id]"),
        ("the profile of person a1b2c3d4e5f60718 is begun afresh", "the profile of person [id] is begun afresh"),
        ("left: key:1122334455667788", "left: key:[id]"),
        ("write to jane.doe+x@mail.example.com", "write to [e-mail]"),
        ("5d41402abc4b2a76b9719d911017c592 is a hash", "[id] is a hash"),
        (f"GET /billing/{'aB-_' * 40}?p=1", "GET /billing/[token]?p=1"),
        ("snapshot 12: 3 line items; worker 5 is process 4711", None),
        ("host/money/0:1099511627776-1099511628000:wins:19876 of 1800000000000000000", None),
    ],
)
def test_persons_are_not_logged(text: str, logged: str | None) -> None:
    assert without_persons(text) == (text if logged is None else logged)


def test_an_exception_is_logged_without_persons() -> None:
    try:
        raise ValueError("user.buyeruid: 'b-1' of jane@mail.example")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", None, (ValueError, error, error.__traceback__))
    for formatter in (Json("tracker", None), logs.Text()):
        assert "b-1" not in formatter.format(record)
        assert "jane" not in formatter.format(record)


def test_the_same_error_is_not_logged_for_ever() -> None:
    """And others are, meanwhile; when the time is over it is said how often it came, and it may come again."""
    now, written = 0.0, io.StringIO()
    output = Output(written, 2, lambda: now)
    log = logging.Logger("store")
    log.addHandler(output)
    for attempt in range(10):
        log.error("attempt %d failed", attempt)
    log.error("another")
    for _ in range(10):
        log.info("as usual")
    now = 61.0
    log.info("later")
    log.error("attempt %d failed", 10)
    assert written.getvalue().splitlines() == [
        *("attempt 0 failed", "attempt 1 failed", "another"),
        *["as usual"] * 10,
        *("8 more times: attempt %d failed", "later", "attempt 10 failed"),
    ]


@pytest.mark.parametrize(("name", "value"), [("LEVEL", "loud"), ("FORMAT", "xml"), ("REPEATS", "0")])
def test_a_setting_that_makes_no_sense_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"OUTBID_LOG_{name}", value)
    with pytest.raises(SettingsError, match=r"\[log\].*" + name.lower()):
        log_settings()
