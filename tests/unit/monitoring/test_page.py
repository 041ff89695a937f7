"""Pages of metrics against Prometheus' own parser: what is written, and what is read."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from monitoring.histogram import Histogram
from monitoring.page import Family, Page
from monitoring.reading import readings

GAUGE = Family("outbid_test_value", "gauge", 'A "value" \\ of\ntwo lines.', ("a", "b"))
COUNTER = Family("outbid_test_things_total", "counter", "Things.")
SECONDS = Family("outbid_test_seconds", "histogram", "Time.", ("route",))
FAMILIES = (GAUGE, COUNTER, SECONDS)

# line separators that Python knows and the format does not end a line with are left to the page's own readers
texts = st.text(st.characters(exclude_characters="\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", exclude_categories=("Cs",)))
numbers = st.one_of(st.integers(-(2**60), 2**60), st.floats(allow_nan=False))


def official(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@given(st.dictionaries(st.tuples(texts, texts), numbers), numbers)
def test_what_is_written_is_read_by_prometheus_and_by_us(values: dict[tuple[str, str], float], count: float) -> None:
    page = Page(FAMILIES, {"worker": "1"})
    page.add(COUNTER, count)
    for labels, value in values.items():
        page.add(GAUGE, value, *labels)
    text = page.render()
    wanted = {
        (GAUGE.name, frozenset({("worker", "1"), ("a", a), ("b", b)})): float(value) for (a, b), value in values.items()
    }
    wanted[COUNTER.name, frozenset({("worker", "1")})] = float(count)
    assert official(text) == wanted
    assert {(name, frozenset(labels.items())): value for name, labels, value in readings(text)} == wanted


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_is_cumulative(taken: list[float]) -> None:
    histogram, page = Histogram(), Page(FAMILIES)
    for value in taken:
        histogram.observe(value)
    histogram.put(page, SECONDS, "/x")
    found = official(page.render())
    for bound in (*histogram.bounds, math.inf):
        le = "+Inf" if bound == math.inf else repr(bound) if bound % 1 else str(int(bound))
        wanted = sum(value <= bound for value in taken)
        assert found["outbid_test_seconds_bucket", frozenset({("route", "/x"), ("le", le)})] == wanted
    assert found["outbid_test_seconds_count", frozenset({("route", "/x")})] == len(taken)
    assert found["outbid_test_seconds_sum", frozenset({("route", "/x")})] == pytest.approx(sum(taken))


def test_only_what_is_declared_can_be_told() -> None:
    with pytest.raises(KeyError, match="outbid_test_value"):
        Page((COUNTER,)).add(GAUGE, 1, "a", "b")
    with pytest.raises(ValueError, match="argument"):
        Page(FAMILIES).add(GAUGE, 1, "too few")


@pytest.mark.parametrize("line", ["<html>", "metric", 'm{a="b} 1', "m{a=b} 1", "m 1 2 3", "m one"])
def test_what_is_no_page_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"metric|labels|float"):
        list(readings(line))
