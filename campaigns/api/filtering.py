"""The language of ``filter``: ``advertiser = "bank" AND (status = "active" OR NOT name : "test")``.

``=``, ``!=``, ``<``, ``<=``, ``>`` and ``>=`` compare; ``:`` asks whether a text has another in it, whatever its case.
What a thing does not say (null) is not equal to anything, and neither before nor after it. ``NOT`` binds closest, then
``AND``, then ``OR``. Values are text in double quotes (``\\"`` and ``\\\\`` within), numbers, ``true`` and ``false``; a
plain word stands for itself.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple

from domain.errors import Problem, Refused

LONGEST = 2_000
MOST_TERMS = 50
DEEPEST = 20

_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\["\\])*")|(?P<op><=|>=|!=|=|<|>|:)|(?P<side>[()])|(?P<word>[^\s"()=<>!:]+))'
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}

Test = Callable[[Callable[[str], Any]], bool]
"""Whether a thing passes, given how its fields are found."""


class Token(NamedTuple):
    kind: str
    text: str


def parsed(text: str, fields: Mapping[str, Any]) -> Test:
    """What a filter asks. Raises Refused, naming the field that there is not, or where it cannot be read."""
    if len(text) > LONGEST:
        raise _wrong(f"{len(text)} characters", f"it must have at most {LONGEST} characters")
    parser = _Parser(_tokens(text), fields)
    test = parser.either(0)
    if (left := parser.next()) is not None:
        raise _wrong(left.text, "AND, OR or the end is expected before it")
    return test


def _wrong(value: object, allowed: str) -> Refused:
    return Refused([Problem("filter", value, allowed)])


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise _wrong(
                text[at:].strip()[:40], 'it must be FIELD OPERATOR VALUE, joined by AND and OR: status = "active"'
            )
        kind = str(match.lastgroup)
        found.append(Token(kind, match[kind]))
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[Token], fields: Mapping[str, Any]) -> None:
        self._tokens, self._fields, self._at, self._terms = tokens, fields, 0, 0

    def next(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, *words: str) -> bool:
        token = self.next()
        if token is None or token.kind not in ("word", "side") or token.text not in words:
            return False
        self._at += 1
        return True

    def either(self, depth: int) -> Test:
        tests = [self._all(depth)]
        while self._take("OR"):
            tests.append(self._all(depth))
        return tests[0] if len(tests) == 1 else lambda of: any(test(of) for test in tests)

    def _all(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._take("AND"):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda of: all(test(of) for test in tests)

    def _one(self, depth: int) -> Test:
        if depth > DEEPEST:
            raise _wrong("(", f"brackets and NOT go at most {DEEPEST} deep")
        if self._take("NOT"):
            inner = self._one(depth + 1)
            return lambda of: not inner(of)
        if self._take("("):
            found = self.either(depth + 1)
            if not self._take(")"):
                raise _wrong("(", "it must be closed by )")
            return found
        return self._comparison()

    def _comparison(self) -> Test:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise _wrong(f"{self._terms} comparisons", f"it must have at most {MOST_TERMS}")
        name, operator, value = (self._any() for _ in range(3))
        if name.kind != "word" or name.text not in self._fields:
            raise _wrong(name.text, f"there is no such field to filter by; those here are {', '.join(self._fields)}")
        if operator.kind != "op":
            raise _wrong(operator.text, f"an operator is expected after {name.text}: = != < <= > >= :")
        if value.kind not in ("text", "word"):
            raise _wrong(value.text, f'a value is expected after {name.text} {operator.text}, such as "text" or 12.5')
        return _test(name.text, operator.text, value)

    def _any(self) -> Token:
        token = self.next()
        if token is None:
            raise _wrong("", 'it ends too early: it must be FIELD OPERATOR VALUE, such as status = "active"')
        self._at += 1
        return token


def _test(name: str, operator: str, token: Token) -> Test:
    text = re.sub(r"\\(.)", r"\1", token.text[1:-1]) if token.kind == "text" else token.text
    if operator == ":":
        part = text.casefold()
        return lambda of: part in _shown(of(name)).casefold()
    compare = _COMPARE[operator]

    def test(of: Callable[[str], Any]) -> bool:
        found = of(name)
        if found is None:
            return operator == "!="
        if isinstance(found, bool):
            return compare(_shown(found), text)
        if isinstance(found, int | Decimal):
            number = _number(text)
            return compare(found, number) if number is not None else operator == "!="
        return compare(found, text)

    return test


def _number(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?", text) else None


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
