"""From what is wrong now to what people are told: alerts begin, are told, told again, silenced, and end."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from sys import float_info
from typing import Literal

import msgspec
from msgspec import Struct, field

from domain.whole_file import write_whole
from monitoring.history import Labels
from monitoring.page import number
from monitoring.rules import Rule, Severity

SETTLED_S = 60.0
"""How long all has to be well before an alert is over: what comes and goes is told once."""


class Silence(Struct, frozen=True):
    """Alerts of ``rule`` (``*``: of all), with these labels, are not told until then."""

    id: str
    rule: str
    where: dict[str, str]
    until: float
    reason: str = ""

    def covers(self, alert: "Alert", now: float) -> bool:
        return (
            now < self.until
            and self.rule in ("*", alert.rule)
            and all(alert.labels.get(name) == value for name, value in self.where.items())
        )


class Alert(Struct):
    """Something that is wrong. Times are seconds since 1970."""

    rule: str
    labels: dict[str, str]
    severity: Severity
    summary: str
    bound: str
    value: float
    since: float
    fired: float | None = None
    """When it had been wrong for long enough; None: not yet."""
    told: float | None = None
    """When people were told last; None: never."""
    well_since: float | None = None

    @property
    def state(self) -> Literal["pending", "firing"]:
        return "pending" if self.fired is None else "firing"


class Told(Struct, frozen=True):
    """One alert in a message."""

    status: Literal["firing", "resolved", "test"]
    rule: str
    severity: Severity
    summary: str
    labels: dict[str, str]
    value: float
    bound: str
    since: float


class Kept(Struct):
    """What survives a restart."""

    alerts: list[Alert] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)


class Alerts:
    """All alerts that are not over. ``repeat_s``: how often people are told again of one that goes on."""

    def __init__(self, rules: Iterable[Rule], repeat_s: float, kept: Kept | None = None) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._repeat_s = repeat_s
        kept = kept or Kept()
        self.silences = kept.silences
        self._alerts = {(alert.rule, tuple(alert.labels.items())): alert for alert in kept.alerts}

    @property
    def alerts(self) -> list[Alert]:
        return list(self._alerts.values())

    def kept(self) -> Kept:
        return Kept(self.alerts, self.silences)

    def silenced(self, alert: Alert, now: float) -> Silence | None:
        return next((silence for silence in self.silences if silence.covers(alert, now)), None)

    def look(self, rule: Rule, wrong: Mapping[Labels, float], now: float, *, conclusive: bool) -> list[Told]:
        """Takes what a rule finds wrong now; returns what people are to be told. ``conclusive``: what is not among it
        is well, and not only unknown.
        """
        news = []
        for labels, value in wrong.items():
            alert = self._alerts.get((rule.name, labels))
            if alert is None:
                alert = Alert(rule.name, dict(labels), rule.severity, rule.summary, _bound(rule), value, now)
                self._alerts[rule.name, labels] = alert
            # JSON has no word for infinite: it would be read back as nothing, and so not at all
            alert.value, alert.well_since = max(-float_info.max, min(value, float_info.max)), None
            alert.severity, alert.summary, alert.bound = rule.severity, rule.summary, _bound(rule)
            if alert.fired is None and now - alert.since >= rule.for_s:
                alert.fired = now
            if alert.fired is not None and self._is_due(alert, now):
                alert.told = now
                news.append(_tell(alert, "firing"))
        for key in [key for key in self._alerts if key[0] == rule.name and key[1] not in wrong]:
            if conclusive or self._alerts[key].fired is None:
                news += self._is_well(key, now)
        return news

    def drop_others(self, now: float) -> list[Told]:
        """Ends alerts of rules that there are no more, and silences whose time is over."""
        self.silences = [silence for silence in self.silences if now < silence.until]
        gone = [key for key in self._alerts if key[0] not in self._rules]
        return [told for key in gone for told in self._end(key)]

    def _is_due(self, alert: Alert, now: float) -> bool:
        if self.silenced(alert, now):
            return False
        return alert.told is None or now - alert.told >= self._repeat_s

    def _is_well(self, key: tuple[str, Labels], now: float) -> list[Told]:
        alert = self._alerts[key]
        if alert.fired is not None:
            alert.well_since = now if alert.well_since is None else alert.well_since
            if now - alert.well_since < SETTLED_S:
                return []
        return self._end(key)

    def _end(self, key: tuple[str, Labels]) -> list[Told]:
        alert = self._alerts.pop(key)
        return [_tell(alert, "resolved")] if alert.told is not None else []


def _bound(rule: Rule) -> str:
    return f"above {number(rule.above)}" if rule.above is not None else f"below {number(rule.below or 0.0)}"


def _tell(alert: Alert, status: Literal["firing", "resolved"]) -> Told:
    return Told(status, alert.rule, alert.severity, alert.summary, alert.labels, alert.value, alert.bound, alert.since)


def read(path: Path, kind: type[msgspec.Struct]) -> msgspec.Struct:
    """What a file holds; new if it is not there. Raises ValueError for one that cannot be read."""
    if not path.exists():
        return kind()
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: {error}") from None


def write(path: Path, kept: msgspec.Struct) -> None:
    """Replaces the file at once. Raises OSError."""
    write_whole(path, msgspec.json.encode(kept), 0o600)
