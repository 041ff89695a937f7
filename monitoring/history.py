"""What the watcher remembers of scraped metrics: as much, and as long, as its rules ask for."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from monitoring.reading import Reading
from monitoring.rules import Rule

Labels = tuple[tuple[str, str], ...]
Points = deque[tuple[float, float]]
"""When, and what value; seconds that only rise."""

_COMBINE: dict[str, Callable[[list[float]], float]] = {"sum": sum, "max": max, "min": min}


class History:
    """Series of the metrics that ``rules`` name, by name and labels. ``instance`` is a label of each: who told it."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._kept: dict[str, float] = {}
        """For how long points of a metric are needed."""
        for rule in rules:
            for metric in filter(None, (rule.metric, rule.per, rule.only_if)):
                window_s = 0.0 if rule.read == "value" else rule.window_s
                self._kept[metric] = max(self._kept.get(metric, 0.0), window_s)
        self._series: dict[str, dict[Labels, Points]] = {metric: {} for metric in self._kept}
        self._told: dict[str, float] = {}
        """When each instance told last."""
        self._first: dict[str, float] = {}
        self._down: set[str] = set()

    def take(self, instance: str, at_s: float, page: Iterable[Reading] | None) -> None:
        """What an instance told at that time; None: it did not answer."""
        if page is None:
            self._down.add(instance)
            self._forget(at_s)
            return
        before = self._told.get(instance)
        for name, labels, value in page:
            if name not in self._series:
                continue
            key = tuple(sorted((labels | {"instance": instance}).items()))
            points = self._series[name].get(key)
            if points is None:
                points = self._series[name][key] = deque()
                if before is not None and name.endswith("_total"):
                    points.append((before, 0.0))  # it was not there then, so nothing had been counted
            points.append((at_s, value))
        self._down.discard(instance)
        self._told[instance] = at_s
        self._first.setdefault(instance, at_s)
        self._forget(at_s)

    def wrong(self, rule: Rule, now_s: float) -> dict[Labels, float]:
        """By their labels, the values that the rule says are wrong."""
        if rule.only_if:
            besides = self._combined(rule.only_if, {}, "sum", (), rule, now_s).get((), 0.0)
            if not besides > rule.only_if_above:
                return {}
        values = self._combined(rule.metric, rule.where, rule.combine, rule.by, rule, now_s)
        if rule.per:
            by = self._combined(rule.per, rule.where, rule.combine, rule.by, rule, now_s)
            values = {labels: value / by[labels] for labels, value in values.items() if by.get(labels)}
        return {
            labels: value
            for labels, value in values.items()
            if (rule.above is not None and value > rule.above) or (rule.below is not None and value < rule.below)
        }

    def conclusive(self, rule: Rule, now_s: float) -> bool:
        """Whether a value that is not wrong means that all is well: not if somebody who might tell otherwise is silent,
        or was not listened to for long enough.
        """
        if rule.metric.startswith("outbid_watcher_"):
            return True
        long_enough = rule.read == "value" or any(now_s - first >= rule.window_s for first in self._first.values())
        return long_enough and not self._down

    def _combined(
        self, metric: str, where: dict[str, str], combine: str, by: tuple[str, ...], rule: Rule, now_s: float
    ) -> dict[Labels, float]:
        groups: dict[Labels, list[float]] = defaultdict(list)
        for key, points in self._series.get(metric, {}).items():
            labels = dict(key)
            if any(labels.get(name) != value for name, value in where.items()):
                continue
            value = self._read(points, labels["instance"], rule, now_s)
            if value is not None:
                groups[tuple((name, labels.get(name, "")) for name in by)].append(value)
        return {labels: _COMBINE[combine](values) for labels, values in groups.items()}

    def _read(self, points: Points, instance: str, rule: Rule, now_s: float) -> float | None:
        if rule.read == "value":
            at_s, value = points[-1]
            is_current = instance not in self._down and at_s == self._told[instance]
            return value if is_current else None
        kept = [point for point in points if point[0] >= now_s - rule.window_s]
        if len(kept) < len(points):
            kept.insert(0, points[len(points) - len(kept) - 1])  # where the window begins
        if len(kept) < 2:
            return None
        increase = 0.0
        for (_, before), (_, after) in pairwise(kept):
            increase += after - before if after >= before else after  # the process began anew
        return increase if rule.read == "increase" else increase / (kept[-1][0] - kept[0][0])

    def _forget(self, now_s: float) -> None:
        for metric, series in self._series.items():
            oldest = now_s - self._kept[metric]
            for key, points in list(series.items()):
                while len(points) > 1 and points[1][0] < oldest:
                    points.popleft()
                if points[-1][0] < oldest - 3600:
                    del series[key]
