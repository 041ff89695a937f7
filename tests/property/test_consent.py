"""Consent strings against plain Python twins: any state is read back as it was written; any text is read calmly."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cython_ext.sextets import ALPHABET, read_bits, read_fibonacci
from openrtb.gpp import LAYOUTS, sections, us_choice
from openrtb.tcf import Consent, Vendor
from tests.consent_writing import TcState, fibonacci, gpp, text_of, us_core
from tests.examples import examples

IDS = st.sets(st.integers(1, 400) | st.integers(1, 12) | st.just(65535), max_size=12)
PURPOSES = st.sets(st.integers(1, 24))
VENDORS = st.integers(1, 12) | st.integers(1, 65535)
STATES = st.builds(
    TcState,
    created=st.integers(0, 2**36 - 1),
    policy=st.integers(0, 6),
    service_specific=st.sampled_from([True, True, True, False]),
    features=st.sets(st.integers(1, 12)),
    purpose_consents=PURPOSES,
    purpose_interests=PURPOSES,
    vendor_consents=IDS,
    vendor_interests=IDS,
    restrictions=st.lists(st.tuples(st.integers(1, 24), st.integers(0, 3), IDS), max_size=4),
    disclosed=st.none() | IDS,
    publisher=st.none() | st.tuples(PURPOSES, PURPOSES),
    as_ranges=st.booleans(),
)


class Declared:
    """What a vendor's entry in the list declares."""

    def __init__(self, id: int, interests: set[int], flexible: set[int]) -> None:
        self.id, self.interests, self.flexible = id, interests - {1}, flexible - {1}

    def vendor(self) -> Vendor:
        return Vendor(self.id, legitimate_interests=self.interests, flexible=self.flexible)


DECLARED = st.builds(Declared, VENDORS, PURPOSES, PURPOSES)
POLICY_3_ENDED = 16_961_184_000  # 2023-10-01


def twin(state: TcState, ours: Declared) -> set[int]:
    """The rules of the specification, one purpose after the other."""
    if not state.service_specific or (state.policy < 4 and state.created >= POLICY_3_ENDED):
        return set()
    if state.disclosed is None and state.policy >= 5:
        return set()
    if state.disclosed is not None and ours.id not in state.disclosed:
        return set()
    allowed = set()
    for purpose in range(1, 25):
        may_interest = purpose != 1 and not (state.policy >= 4 and purpose in (3, 4, 5, 6))
        basis = "interest" if purpose in ours.interests and may_interest else "consent"
        types = {kind for p, kind, who in state.restrictions if p == purpose and ours.id in who}
        if types & {0, 3} or {1, 2} <= types:
            continue
        required = {1: "consent", 2: "interest"}.get(max(types, default=0), basis)
        if required != basis and not (purpose in ours.flexible and may_interest):
            continue
        purposes, who = {
            "consent": (state.purpose_consents, state.vendor_consents),
            "interest": (state.purpose_interests, state.vendor_interests),
        }[required]
        if purpose in purposes and ours.id in who:
            allowed.add(purpose)
    return allowed


@settings(max_examples=examples(300), deadline=None)
@given(STATES, DECLARED)
def test_what_a_vendor_may_do(state: TcState, ours: Declared) -> None:
    assert ours.vendor().granted(state.text()) == twin(state, ours)


@settings(max_examples=examples(150), deadline=None)
@given(STATES, VENDORS)
def test_a_string_is_read_back_as_it_was_written(state: TcState, vendor: int) -> None:
    consent = Consent(state.text())
    fields = consent.fields()
    assert (fields["created"], fields["policy_version"]) == (state.created, state.policy)
    assert (fields["purpose_consents"], fields["purpose_legitimate_interests"]) == (
        state.purpose_consents,
        state.purpose_interests,
    )
    assert fields["special_feature_opt_ins"] == state.features
    for v in {vendor, *state.vendor_consents, *state.vendor_interests}:
        assert consent.vendor_consent(v) == (v in state.vendor_consents)
        assert consent.vendor_legitimate_interest(v) == (v in state.vendor_interests)
        assert consent.disclosed(v) == (None if state.disclosed is None else v in state.disclosed)
        for purpose in range(1, 25):
            types = {kind for p, kind, who in state.restrictions if p == purpose and v in who}
            assert consent.restrictions(purpose, v) == types
    assert consent.publisher_purposes() == state.publisher


TEXTS = st.text(max_size=40) | st.text(st.sampled_from(ALPHABET.decode() + ".~=+/"), max_size=200)


@settings(max_examples=examples(300), deadline=None)
@given(STATES, st.integers(0, 300), st.integers(0, 5), TEXTS, DECLARED)
def test_a_mutated_string_never_raises(state: TcState, at: int, cut: int, noise: str, ours: Declared) -> None:
    text = state.text()
    mutated = text[:at] + noise[:6] + text[at + cut :]
    assert ours.vendor().granted(mutated) <= set(range(1, 25))
    if len(mutated) < 36 or mutated[0] != "C":
        assert ours.vendor().granted(mutated) == set()


@settings(max_examples=examples(150), deadline=None)
@given(STATES, DECLARED)
def test_a_string_that_was_cut_off_grants_nothing(state: TcState, ours: Declared) -> None:
    core, *_ = state.text().split(".")
    for size in range(len(core)):
        assert ours.vendor().granted(core[:size]) == set()


@settings(max_examples=examples(200), deadline=None)
@example("~" * 200, 7)
@example("DBABM" + "~" * 200, 7)
@given(TEXTS, st.integers(-1, 70))
def test_any_text_as_gpp(text: str, section: int) -> None:
    assert us_choice(section, text) in ("may_use", "opted_out", "unreadable")
    try:
        found = sections(text)
    except ValueError:
        return
    assert all(number > 0 for number, _ in found) and len(found) <= 64


@settings(max_examples=examples(200), deadline=None)
@given(
    st.dictionaries(
        st.integers(1, 30) | st.integers(1, 5000), st.text(st.sampled_from("AB.-"), max_size=4), max_size=20
    )
)
def test_a_gpp_string_is_read_back_as_it_was_written(written: dict[int, str]) -> None:
    assert sections(gpp(written)) == sorted(written.items())


REFUSED = {"O": {1}, "S": {1}, "K": {1, 2}, "P": {1}, "N": {2}, "V": {1}, "W": {2}}


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(7, 27), st.data())
def test_any_us_section(section: int, data: Any) -> None:
    layout = LAYOUTS[section].decode()
    value = st.sampled_from([0, 0, 0, 0, 0, 1, 2, 3]) if data.draw(st.booleans()) else st.sampled_from([0, 2])
    fields = data.draw(st.lists(value, min_size=len(layout), max_size=len(layout)))
    refused = any(v in REFUSED.get(kind, ()) for kind, v in zip(layout, fields, strict=True))
    assert us_choice(section, us_core(fields)) == (
        "unreadable" if 3 in fields else "opted_out" if refused else "may_use"
    )


@settings(max_examples=examples(200), deadline=None)
@given(st.text(st.sampled_from("01"), max_size=300), st.integers(0, 320), st.integers(1, 57))
def test_bits(written: str, at: int, width: int) -> None:
    text = text_of(written)
    whole = written + "0" * (len(text) * 6 - len(written))
    expected = int(whole[at : at + width], 2) if at + width <= len(whole) else -1
    assert read_bits(text.encode(), at, width) == expected
    assert read_bits(text.replace("-", "+").replace("_", "/").encode() + b"==", at, width) == expected


@given(st.integers(1, 2**31 - 1), st.integers(0, 20))
def test_fibonacci(value: int, at: int) -> None:
    code = fibonacci(value)
    assert read_fibonacci(text_of("0" * at + code).encode(), at) == (value, at + len(code))


@given(st.text(st.sampled_from("01"), max_size=120))
def test_any_fibonacci(written: str) -> None:
    value, _ = read_fibonacci(text_of(written).encode(), 0)
    assert value == -1 or written.startswith(fibonacci(value)) or "11" not in written


def test_what_is_no_base64() -> None:
    for call in (lambda: read_bits(b"A!", 0, 6), lambda: read_bits(b"AA", 0, 58), lambda: read_fibonacci(b" ", 0)):
        with pytest.raises(ValueError):
            call()
