"""Metrics as one page: families that are declared once, and what a process measured of each at this moment.

The page is Prometheus' text format 0.0.4. Nothing is counted here: a process keeps its numbers where they arise, and
puts them on a page when it is asked, so that whoever is not asked pays nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, isnan
from typing import Literal, NamedTuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Label = tuple[str, str]


class Family(NamedTuple):
    """A metric: its name in base units, what it is, and the labels that tell its series apart."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


class Sample(NamedTuple):
    """One line of a page. ``suffix``: of a histogram ``_bucket``, ``_sum`` or ``_count``, else empty."""

    family: str
    suffix: str
    labels: tuple[Label, ...]
    value: float


class Page:
    """Samples by family. ``constant`` labels are on every one that is added from here on."""

    def __init__(self, families: Iterable[Family], constant: Mapping[str, str] | None = None) -> None:
        self._families = {family.name: family for family in families}
        self._samples: dict[str, list[Sample]] = {}
        self._constant = tuple((constant or {}).items())

    def add(self, family: Family, value: float, *labels: str) -> None:
        """One value; ``labels`` in the order in which the family names them."""
        self._put(Sample(family.name, "", self._labels(family, labels), float(value)))

    def histogram(
        self, family: Family, bounds: Sequence[float], counts: Sequence[int], total: float, *labels: str
    ) -> None:
        """``counts`` of what was up to each of the ``bounds`` and above the one before, and last of what was above all;
        ``total``: the sum of what was observed.
        """
        named, seen = self._labels(family, labels), 0
        for bound, count in zip((*bounds, float("inf")), counts, strict=True):
            seen += count
            self._put(Sample(family.name, "_bucket", (*named, ("le", number(bound))), seen))
        self._put(Sample(family.name, "_sum", named, total))
        self._put(Sample(family.name, "_count", named, seen))

    def take(self, samples: Iterable[Sample]) -> None:
        """Adds samples of the same families that another process has put together."""
        for sample in samples:
            if sample.family in self._families:
                self._put(sample)

    def samples(self) -> list[Sample]:
        return [sample for samples in self._samples.values() for sample in samples]

    def render(self) -> str:
        """The page as text: every family's lines together, as the format demands."""
        lines = []
        for name, samples in self._samples.items():
            family = self._families[name]
            lines.append(f"# HELP {name} {_escaped(family.help)}")
            lines.append(f"# TYPE {name} {family.kind}")
            for sample in samples:
                labels = ",".join(f'{key}="{_quoted(value)}"' for key, value in sample.labels)
                lines.append(f"{name}{sample.suffix}{f'{{{labels}}}' if labels else ''} {number(sample.value)}")
        return "\n".join(lines) + "\n"

    def _labels(self, family: Family, values: Sequence[str]) -> tuple[Label, ...]:
        if self._families.get(family.name) is not family:
            raise KeyError(f"{family.name} is not declared for this page")
        return (*self._constant, *zip(family.labels, values, strict=True))

    def _put(self, sample: Sample) -> None:
        self._samples.setdefault(sample.family, []).append(sample)


def number(value: float) -> str:
    """A value as the format writes it."""
    if not isfinite(value):
        return "NaN" if isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
