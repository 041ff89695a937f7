"""What the values of a target mean, whoever wrote them."""

import numpy as np
import pytest

from credit.table import of_records
from credit.target import read_outcome
from domain.errors import Refused


@pytest.mark.parametrize(
    ("name", "counts", "bad"),
    [
        ("Y", {"0": 70, "1": 30}, {"1"}),
        ("default.payment.next.month", {"1": 70, "0": 30}, {"1"}),
        ("class", {"1": 70, "2": 30}, {"2"}),
        ("creditability", {"1": 70, "0": 30}, {"0"}),
        ("credit_risk", {"1": 70, "0": 30}, {"0"}),
        ("Risk", {"good": 70, "bad": 30}, {"bad"}),
        ("default", {"yes": 30, "no": 70}, {"yes"}),
        ("repaid", {"yes": 70, "no": 30}, {"no"}),
        ("not.fully.paid", {"1": 30, "0": 70}, {"1"}),
        ("Status", {"Y": 70, "N": 30}, {"N"}),
        ("loan_status", {"Fully Paid": 70, "Charged Off": 30}, {"Charged Off"}),
        ("loan_status", {"Default": 30, "Not Default": 70}, {"Default"}),
        ("label", {"-1": 60, "1": 40}, {"1"}),
        ("x", {"alpha": 30, "beta": 70}, {"alpha"}),
        ("TARGET", {"true": 30, "false": 70}, {"true"}),
    ],
)
def test_what_means_default(name: str, counts: dict[str, int], bad: set[str]) -> None:
    texts = [text for text, count in counts.items() for _ in range(count)]
    column = of_records([{"t": text} for text in texts], ["t"]).columns["t"]
    found = read_outcome(name, column)
    assert set(found.bad) == bad and set(found.good) == counts.keys() - bad
    np.testing.assert_array_equal(found.labels(column), [float(text in bad) for text in texts])


def test_loans_that_are_not_settled_are_left_out() -> None:
    texts = (
        ["Fully Paid"] * 50 + ["Charged Off"] * 25 + ["Late (31-120 days)"] * 5 + ["Current", "In Grace Period"] * 20
    )
    texts += ["Late (16-30 days)"] * 3
    column = of_records([{"t": text} for text in texts], ["t"]).columns["t"]
    marks = read_outcome("loan_status", column).labels(column)
    assert (marks == 0).sum() == 50 and (marks == 1).sum() == 30 and np.isnan(marks).sum() == 43


def test_a_second_header_is_no_outcome() -> None:
    texts = ["default payment next month", *["0"] * 70, *["1"] * 30]
    column = of_records([{"t": text} for text in texts], ["t"]).columns["t"]
    assert np.isnan(read_outcome("Y", column).labels(column)[0])


@pytest.mark.parametrize(
    ("texts", "asked", "told"),
    [
        (["a", "b", "c"] * 40, (), "two outcomes, or --bad"),
        (["1"] * 100, (), "two outcomes"),
        (["0"] * 100 + ["1"] * 3, (), "at least 20 rows"),
        (["a", "b"] * 40, ("z",), "a value of t: a, b"),
    ],
)
def test_what_says_nothing_is_refused(texts: list[str], asked: tuple[str, ...], told: str) -> None:
    column = of_records([{"t": text} for text in texts], ["t"]).columns["t"]
    with pytest.raises(Refused, match=told):
        read_outcome("t", column, asked)


def test_the_bad_ones_can_be_named() -> None:
    column = of_records([{"t": text} for text in ["a", "b", "c"] * 40], ["t"]).columns["t"]
    assert read_outcome("t", column, ("A", "c")).bad == ("a", "c")
