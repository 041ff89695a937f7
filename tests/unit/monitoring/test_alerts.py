"""An alert's life: pending, told, told again, silenced, over; and the same after a restart at any moment."""

from pathlib import Path

import msgspec
import pytest

from monitoring.alerts import SETTLED_S, Alerts, Kept, Silence, read, write
from monitoring.history import Labels
from monitoring.messages import message
from monitoring.rules import Rule

RULE = Rule("slow", "m", above=5.0, for_s=30.0, severity="critical", by=("who",), summary="It is slow.")
HOUR = 3600.0


class Watch:
    """Looks every 10 seconds, and is killed and started again after each look: what it knows is what it wrote."""

    def __init__(self, path: Path, *rules: Rule) -> None:
        self.path, self.rules, self.now, self.every_s = path, rules or (RULE,), 1_000_000.0, 10.0
        self.told: list[tuple[float, str, dict[str, str]]] = []
        """Seconds since the beginning, status, labels."""

    def look(self, wrong: dict[str, float], *, conclusive: bool = True) -> Alerts:
        kept = read(self.path, Kept)
        assert isinstance(kept, Kept)
        alerts = Alerts(self.rules, HOUR, kept)
        found: dict[Labels, float] = {(("who", who),): value for who, value in wrong.items()}
        news = alerts.drop_others(self.now)
        for rule in self.rules:
            news += alerts.look(rule, found, self.now, conclusive=conclusive)
        self.told += [(self.now - 1_000_000, told.status, told.labels) for told in news]
        write(self.path, alerts.kept())
        self.now += self.every_s
        return alerts

    def silence(self, **changes: object) -> None:
        kept = read(self.path, Kept)
        assert isinstance(kept, Kept)
        whole = {"id": "s", "rule": "slow", "where": {}, "until": self.now + HOUR, **changes}
        kept.silences.append(msgspec.convert(whole, Silence))
        write(self.path, kept)


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path / "alerts.json")


def test_it_is_told_once_and_when_it_is_over(watch: Watch) -> None:
    for _ in range(20):
        watch.look({"a": 9.0})
    for _ in range(10):
        watch.look({})
    assert watch.told == [(30.0, "firing", {"who": "a"}), (200.0 + SETTLED_S, "resolved", {"who": "a"})]


def test_what_is_not_wrong_for_long_is_not_told(watch: Watch) -> None:
    for _ in range(5):
        for wrong in ({"a": 9.0}, {"a": 9.0}, {"a": 9.0}, {}):
            watch.look(wrong)
    assert watch.told == []


def test_what_comes_and_goes_is_told_once(watch: Watch) -> None:
    for _ in range(4):
        watch.look({"a": 9.0})
    for _ in range(6):
        for wrong in ({}, {}, {"a": 7.0}):
            watch.look(wrong)
    assert [status for _, status, _ in watch.told] == ["firing"]


def test_what_goes_on_is_told_again(watch: Watch) -> None:
    watch.every_s = 30.0
    for _ in range(120 * 2 + 10):
        watch.look({"a": 9.0, "b": 8.0})
    times = [at for at, _, labels in watch.told if labels == {"who": "b"}]
    assert times == [30.0, 30.0 + HOUR, 30.0 + 2 * HOUR]


def test_nothing_is_over_while_nobody_can_know(watch: Watch) -> None:
    for _ in range(5):
        watch.look({"a": 9.0})
    for _ in range(30):
        watch.look({}, conclusive=False)
    assert [status for _, status, _ in watch.told] == ["firing"]
    for _ in range(10):
        watch.look({})
    assert [status for _, status, _ in watch.told] == ["firing", "resolved"]


def test_the_silenced_is_told_when_the_silence_is_over_if_it_goes_on(watch: Watch) -> None:
    watch.silence(where={"who": "a"}, until=watch.now + 100)
    for _ in range(15):
        watch.look({"a": 9.0, "b": 8.0})
    assert watch.told == [(30.0, "firing", {"who": "b"}), (100.0, "firing", {"who": "a"})]
    assert not watch.look({}).silences


def test_what_was_silenced_all_the_time_is_never_told(watch: Watch) -> None:
    watch.silence(rule="*")
    for _ in range(5):
        watch.look({"a": 9.0})
    for _ in range(10):
        watch.look({})
    assert watch.told == [] and watch.look({}).alerts == []


def test_a_rule_that_is_gone_leaves_no_alert(watch: Watch) -> None:
    for _ in range(5):
        watch.look({"a": 9.0})
    watch.rules = (Rule("other", "m", above=100.0),)
    watch.look({})
    assert [status for _, status, _ in watch.told] == ["firing", "resolved"]


def test_a_state_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "alerts.json").write_text("{")
    with pytest.raises(ValueError, match=r"alerts\.json"):
        read(tmp_path / "alerts.json", Kept)


def test_what_is_infinite_survives_a_restart(watch: Watch) -> None:
    for _ in range(5):
        watch.look({"a": float("inf")})
    assert watch.told == [(30.0, "firing", {"who": "a"})]


def test_a_message_says_the_worst_first_and_all_of_it(watch: Watch) -> None:
    calm = Rule("calm", "m", below=1.0, summary="It is calm.")
    alerts = Alerts((RULE, calm), HOUR)
    news = alerts.look(calm, {(): 0.25}, 0.0, conclusive=True)
    alerts.look(RULE, {(("who", "a"),): 9.0}, 0.0, conclusive=True)
    news += alerts.look(RULE, {(("who", "a"),): 9.0}, 30.0, conclusive=True)
    whole = message(news, 31.0)
    assert whole.subject == "CRITICAL slow (and 1 more)"
    assert "who a" in whole.text() and "value 0.25, wrong is below 1" in whole.text()
    only = whole.for_severity("critical")
    assert only is not None and [told.rule for told in only.alerts] == ["slow"] and only.id == whole.id
