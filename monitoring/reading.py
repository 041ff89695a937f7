"""Reading a page of metrics that another process has written."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_ESCAPE = re.compile(r"\\(.)")


class Reading(NamedTuple):
    """One line of a page, by the name that stands there."""

    name: str
    labels: dict[str, str]
    value: float


def readings(page: str) -> Iterator[Reading]:
    """The samples of a page in Prometheus' text format. Raises ValueError for a line that is none."""
    for text in page.splitlines():
        line = text.strip()
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise ValueError(f"no sample of a metric: {line[:200]!r}")
        yield Reading(found[1], _labels(found[2] or "", line), float(found[3]))


def _labels(text: str, line: str) -> dict[str, str]:
    labels, at = {}, 0
    while at < len(text):
        found = _LABEL.match(text, at)
        if not found:
            raise ValueError(f"labels that cannot be read: {line[:200]!r}")
        labels[found[1]] = _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], found[2])
        at = found.end()
    return labels
