"""Tags of applicants, in seven families, and how lenders' eligibility rules name them.

A tag is written ``family.name``. It is a number, a flag (yes or no), a word, or a set of words. An applicant has tags
as `Facts`; eligibility is an expression of `targeting.expression` whose dimensions are the tags:

    credit.score: [">=620"]
    identity.country: [usa, can]
    not: {lifecycle.stage: [in_arrears]}

A number's values are ranges (``>=620 <750``, one bound may be missing; the lower is in it, the upper is not). Tags
beyond those listed here are declared in the file of products that uses them.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from domain.errors import Problem, Refused
from targeting.expression import Ill, Sort, Vocabulary

Family = Literal["identity", "credit", "assets", "behaviour", "relations", "device", "lifecycle"]
FAMILIES: tuple[Family, ...] = ("identity", "credit", "assets", "behaviour", "relations", "device", "lifecycle")
KindOfTag = Literal["number", "flag", "word", "words"]
KINDS: tuple[KindOfTag, ...] = ("number", "flag", "word", "words")
YES, NO = "yes", "no"
LONGEST_WORD = 64
MOST_WORDS = 100
"""Of one tag of one applicant."""
LARGEST = 1e15
"""No number of an applicant is larger."""

Value = bool | float | str | list[str]
"""A tag's value as an applicant's is told over the wire."""
Told = Mapping[Any, Mapping[str, Value]]
"""Tags as they are told: family, name, value."""
Facts = dict[str, float | str | frozenset[str]]
"""Tags as they are compared: a number, a word (of flags ``yes`` or ``no``), or a set of words, by ``family.name``."""

RANGE_FORM = "it must be a range such as '>=620', '<0.4' or '>=620 <750'"
_RANGE = re.compile(r"(?:>=(?P<low>-?[0-9]+(?:\.[0-9]+)?))?(?: ?<(?P<high>-?[0-9]+(?:\.[0-9]+)?))?")
_WORD = re.compile(r"[^\s\x00-\x1f](?:[^\x00-\x1f]{0,62}[^\s\x00-\x1f])?")


class Tag(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is known of a tag."""

    name: str
    """``family.name``"""
    kind: KindOfTag
    values: tuple[str, ...] = ()
    """Of words: those that there are; empty: any."""


Schema = Mapping[str, Tag]
"""Tags by name."""


def _tags(family: str, **kinds: str) -> Iterable[Tag]:
    for name, said in kinds.items():
        kind, _, values = said.partition(" ")
        yield Tag(f"{family}.{name}", kind, tuple(values.split()))  # type: ignore[arg-type]


STANDARD: tuple[Tag, ...] = (
    *_tags(
        *("identity",),
        age="number",
        country="word",
        region="word",
        document="words passport national_id driving_licence residence_permit",
        verified="flag",
        phone_verified="flag",
        email_verified="flag",
    ),
    *_tags(
        *("credit",),
        score="number",
        pd="number",
        p_approved="number",
        open_loans="number",
        enquiries_30d="number",
        months_on_file="number",
        delinquent="flag",
        bankrupt="flag",
    ),
    *_tags(
        *("assets",),
        monthly_income="number",
        savings="number",
        debt_to_income="number",
        employment="word employed self_employed civil_servant student unemployed retired other",
        home="word owner mortgage rent family other",
        vehicle="flag",
    ),
    *_tags(
        *("behaviour",),
        loan_intent="number",
        funding_need="number",
        multi_lender="number",
        applications_30d="number",
        visits_30d="number",
        interests="words",
    ),
    *_tags(
        *("relations",),
        social_relation="number",
        shared_devices="number",
        shared_addresses="number",
        customer_of="words",
        employer="word",
        referred="flag",
        listed="flag",
    ),
    *_tags(
        *("device",),
        fraud="number",
        risk="number",
        type="word phone tablet desktop tv other",
        os="word ios android windows macos linux chromeos tvos other",
        days_known="number",
        emulator="flag",
    ),
    *_tags(
        *("lifecycle",),
        stage="word prospect lead applicant approved active repaid dormant in_arrears lost",
        days_since_application="number",
        days_since_rejection="number",
        loans_repaid="number",
        existing_customer="flag",
    ),
)
"""Tags that need not be declared. Scores of the risk service are 0 to 1000, `credit.score` is 300 to 900."""


def schema_of(declared: Iterable[Tag] = ()) -> dict[str, Tag]:
    """The standard tags, and those that a file declares."""
    return {tag.name: tag for tag in (*STANDARD, *declared)}


def vocabulary_of(schema: Schema) -> Vocabulary:
    """The tags as dimensions of expressions. A number's clauses are checks, of which several can hold at once."""
    return {
        tag.name: Sort(place, tag.kind in ("number", "words"), _apart if tag.kind == "number" else None)
        for place, tag in enumerate(schema.values())
    }


def read_range(text: str) -> tuple[float, float]:
    """``>=620 <750`` -> (620.0, 750.0), with infinities for a bound that is missing. Raises ValueError."""
    found = _RANGE.fullmatch(text)
    if found is None or not (found["low"] or found["high"]):
        raise ValueError(RANGE_FORM)
    low = float(found["low"]) if found["low"] else -math.inf
    high = float(found["high"]) if found["high"] else math.inf
    if low >= high:
        raise ValueError("there is nothing in this range: the lower bound must be below the upper")
    return low, high


def _apart(one: str, other: str) -> bool:
    (a, b), (c, d) = read_range(one), read_range(other)
    return b <= c or d <= a


def read_values(tag: Tag, listed: Any) -> tuple[str, ...]:
    """The values that an expression lists of a tag. Raises `targeting.expression.Ill`."""
    if not isinstance(listed, list) or not listed:
        raise Ill([("", listed, f"it must be a list of at least 1 value of {tag.name}")])
    faults: list[tuple[str, object, str]] = []
    found: dict[str, None] = {}
    for place, item in enumerate(listed):
        try:
            value = _read_value(tag, item)
        except ValueError as error:
            faults.append((f"[{place}]", item, str(error)))
            continue
        if value in found:
            faults.append((f"[{place}]", item, "it is in the list already"))
        found[value] = None
    if tag.kind == "flag" and len(found) == 2 and not faults:
        faults.append(("", listed, "it must be [yes] or [no]: one of them is always met once it is known"))
    if faults:
        raise Ill(faults)
    return tuple(found)


def _read_value(tag: Tag, item: Any) -> str:
    if tag.kind == "number":
        if not isinstance(item, str):
            raise ValueError(RANGE_FORM)
        read_range(item)
        return item
    if tag.kind == "flag":
        if item is True or item == YES:
            return YES
        if item is False or item == NO:
            return NO
        raise ValueError("it must be yes or no")
    return _read_word(tag, str(item) if isinstance(item, int) and not isinstance(item, bool) else item)


def _read_word(tag: Tag, item: Any) -> str:
    if not isinstance(item, str) or not _WORD.fullmatch(item):
        raise ValueError(f"it must be a word of 1 to {LONGEST_WORD} characters")
    word = item.lower()
    if tag.values and word not in tag.values:
        raise ValueError(f"it must be one of {', '.join(tag.values)}")
    return word


def facts_of(told: Told, schema: Schema, path: str = "tags") -> Facts:
    """An applicant's tags as they are compared. Raises Refused with every fault: a tag that there is not, a value that
    is not of its kind.
    """
    problems: list[Problem] = []
    facts: Facts = {}
    for family, tags in told.items():
        for name, value in tags.items():
            at, tag = f"{path}.{family}.{name}", schema.get(f"{family}.{name}")
            if tag is None:
                known = [each.removeprefix(f"{family}.") for each in schema if each.startswith(f"{family}.")]
                allowed = f"the tags of {family} are {', '.join(sorted(known))}" if known else _families()
                problems.append(Problem(at, value, allowed))
                continue
            try:
                facts[tag.name] = read_fact(tag, value)
            except ValueError as error:
                problems.append(Problem(at, value, str(error)))
    if problems:
        raise Refused(problems)
    return facts


def _families() -> str:
    return f"the families of tags are {', '.join(FAMILIES)}"


def read_fact(tag: Tag, value: object) -> float | str | frozenset[str]:
    """A tag's value as it is compared. Raises ValueError saying what is allowed."""
    if tag.kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
            raise ValueError(f"it must be a number from {-LARGEST:g} to {LARGEST:g}")
        return float(value)
    if tag.kind == "flag":
        if not isinstance(value, bool):
            raise ValueError("it must be true or false")
        return YES if value else NO
    if tag.kind == "word":
        return _read_word(tag, value)
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MOST_WORDS:
        raise ValueError(f"it must be a list of at most {MOST_WORDS} words")
    return frozenset(_read_word(tag, word) for word in value)
