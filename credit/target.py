"""Which rows of a file went bad: what the target's values mean, whoever wrote them."""

import re

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credit.numbers import number_of
from credit.table import Column
from domain.errors import Problem, Refused

_BAD_WORDS = frozenset(
    [
        "bad",
        "default",
        "defaulted",
        "defaulter",
        "charged",
        "chargedoff",
        "delinquent",
        "delinquency",
        "late",
        "overdue",
        "arrears",
        "writtenoff",
        "writeoff",
        "npl",
        "bankrupt",
        "bankruptcy",
        "loss",
        "unpaid",
        "fraud",
        "bads",
        "schlecht",
        "mauvais",
        "malo",
        "impago",
        "moroso",
    ]
)
_GOOD_WORDS = frozenset(
    [
        "good",
        "paid",
        "repaid",
        "performing",
        "creditworthy",
        "settled",
        "closed",
        "ok",
        "fine",
        "nondefault",
        "goods",
        "gut",
        "bon",
        "bueno",
        "solvent",
        "creditable",
        "completed",
    ]
)
_YES = frozenset(["yes", "y", "true", "t", "ja", "oui", "si", "sí", "da"])
_NO = frozenset(["no", "n", "false", "f", "nein", "non", "net"])
_GOOD_NAMES = frozenset(
    [
        "good",
        "creditability",
        "creditworthy",
        "creditworthiness",
        "kredit",
        "repaid",
        "paid",
        "repayment",
        "repay",
        "performing",
        "solvent",
        "goodcustomer",
        "goodbad",
        "isgood",
        "bonite",
        "loanpaid",
        "fullypaid",
    ]
)
"""Names of targets whose 1 or yes is the good outcome: South German Credit's ``kredit``, ``creditability`` …"""
_BAD_NAMES = frozenset(
    ["bad", "default", "defaulted", "delinquency", "dlq", "unpaid", "charged", "seriousdlqin", "npl", "delinquent"]
)
_PENDING = frozenset(["current", "grace", "issued", "pending", "ongoing", "open", "active", "approved"])
"""Loans of which nothing is known yet: their rows are left out."""

RARELY = 0.6
"""A value that more of the rows have is hardly the one that means default."""
LEAST_EACH = 20
"""Rows with either outcome that are needed."""


class Outcome(Struct, frozen=True):
    """A target's coding: the texts that mean default, and those that mean repaid. Rows with others are left out."""

    bad: tuple[str, ...]
    good: tuple[str, ...]
    how: str
    """Why it is read so, for a person to check."""

    def labels(self, column: Column) -> NDArray[np.float64]:
        """1 went bad, 0 did not, NaN is neither."""
        said = {text.lower(): 1.0 for text in self.bad} | {text.lower(): 0.0 for text in self.good}
        by_number = {number_of(text): mark for text, mark in said.items() if number_of(text) is not None}
        table = [said.get(level.lower(), by_number.get(number_of(level), np.nan)) for level in column.levels]
        return np.array([*table, np.nan])[column.codes]


def read_outcome(name: str, column: Column, bad: tuple[str, ...] = ()) -> Outcome:
    """What the values of the target mean. ``bad``: the texts that mean default, if that is said; all others are good.

    Raises:
        Refused: The target has more than two values that say nothing, or only one, or too few rows of either.
    """
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels))
    texts = [text for text, count in zip(column.levels, counts.tolist(), strict=True) if count]
    found = _asked(name, texts, bad) if bad else _found(name, texts, dict(zip(column.levels, counts, strict=True)))
    marks = found.labels(column)
    both = int((marks == 1).sum()), int((marks == 0).sum())
    if min(both) < LEAST_EACH:
        raise Refused(
            [Problem("--target", name, f"at least {LEAST_EACH} rows of either outcome ({both[0]} bad, {both[1]} good)")]
        )
    return found


def _asked(name: str, texts: list[str], bad: tuple[str, ...]) -> Outcome:
    lower = {text.lower() for text in bad}
    if wrong := lower - {text.lower() for text in texts}:
        shown = ", ".join(texts[:20])
        raise Refused([Problem("--bad", sorted(wrong)[0], f"a value of {name}: {shown}")])
    return Outcome(
        tuple(text for text in texts if text.lower() in lower),
        tuple(text for text in texts if text.lower() not in lower),
        "as asked",
    )


def _found(name: str, texts: list[str], counts: dict[str, int]) -> Outcome:
    if len(texts) < 2:
        raise Refused([Problem("--target", name, f"two outcomes ({', '.join(texts) or 'it is empty'})")])
    words = _words(name)
    about_good = _about_good(words)
    marked = {text: _meaning(text, about_good) for text in texts}
    bad = tuple(text for text in texts if marked[text] == 1)
    good = tuple(text for text in texts if marked[text] == 0)
    if bad and good:
        rest = [text for text in texts if marked[text] is None]
        unsure = sum(counts[text] for text in rest if not set(_words(text)) & _PENDING)
        if unsure <= 0.05 * sum(counts.values()):
            left = f"; left out: {', '.join(rest[:8])}" if rest else ""
            return Outcome(bad, good, f"by what the values are called{left}")
    numeric = sorted({value for text in texts if (value := number_of(text)) is not None})
    if len(numeric) == 2 and all(number_of(text) is not None for text in texts):
        most = sum(counts[text] for text in texts if number_of(text) == numeric[1]) / sum(counts.values())
        turned = numeric != [1.0, 2.0] and (about_good or (about_good is None and most > RARELY))
        worse = numeric[0] if turned else numeric[1]
        why = f"{name!r} names the good outcome" if about_good else "the other is too frequent for it"
        how = f"{worse:g} means default" + (f", because {why}" if turned else "")
        return Outcome(
            tuple(text for text in texts if number_of(text) == worse),
            tuple(text for text in texts if number_of(text) != worse),
            f"{how}; say --bad VALUE if it is otherwise",
        )
    frequent = sorted(texts, key=lambda text: -counts[text])
    strays = sum(counts[text] for text in frequent[2:])
    if len(frequent) > 2 and strays <= 0.01 * sum(counts.values()):  # a second header, a typing error
        return _found(name, frequent[:2], counts)
    if len(texts) == 2:
        rarer = min(texts, key=lambda text: counts[text])
        other = tuple(text for text in texts if text != rarer)
        return Outcome((rarer,), other, f"{rarer!r} is the rarer value; say --bad VALUE if it is otherwise")
    shown = ", ".join(f"{text} ({counts[text]})" for text in frequent[:12])
    raise Refused([Problem("--target", name, f"two outcomes, or --bad VALUE[,VALUE…] to say which are bad: {shown}")])


def _about_good(words: list[str]) -> bool | None:
    """Does the target's name speak of the good outcome? None: it does not say."""
    denied = any(word in ("not", "un", "non") for word in words)
    if set(words) & _BAD_NAMES or "".join(words) in _BAD_NAMES:
        return denied
    if set(words) & _GOOD_NAMES or "".join(words) in _GOOD_NAMES:
        return not denied
    return None


def _meaning(text: str, about_good: bool | None) -> int | None:
    """1 bad, 0 good, None: the text alone does not say."""
    words = _words(text.rpartition(":")[2])
    joined = "".join(words)
    if joined in _YES or joined in _NO:
        return None if about_good is None else int((joined in _YES) != about_good)
    denied = any(word in ("not", "no", "non", "never", "without") for word in words)
    # "Charged Off" is bad, "Late (16-30 days)" is not settled yet
    if set(words) & {"late"} and not any(word.isdigit() and int(word) >= 90 for word in words) and len(words) > 1:
        return None
    if set(words) & _PENDING and not set(words) & {"charged", "default"}:
        return None
    if joined in _BAD_WORDS or set(words) & _BAD_WORDS:
        return int(not denied)
    if joined in _GOOD_WORDS or set(words) & _GOOD_WORDS:
        return int(denied)
    return None


def _words(text: str) -> list[str]:
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return [word for word in re.split(r"[\W_]+|(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])", parted.lower()) if word]
