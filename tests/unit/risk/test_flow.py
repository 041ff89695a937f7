"""Decision flows: the same decisions as the twin's, faults told where they are, versions by what is said."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Refused
from risk.flow import flow_of, read_flow
from risk.flows import Flows
from tests import flow_twin
from tests.examples import examples

EXAMPLE = Path(__file__).parents[3] / "examples" / "risk-flow.yaml"
FACTS = {
    "amount": {"kind": "number", "at_least": 0, "at_most": 100},
    "returning": {"kind": "flag"},
    "channel": {"kind": "choice", "of": ["app", "web"]},
}
NUMBERS = {
    "amount": (0, 20), "score.fraud": (0, 30), "lenders_7d": (0, 5), "graph.distance_to_fraud": (-1, 3),
    "points": (-20, 60),
}  # fmt: skip


class Hit(NamedTuple):
    list: str
    institution: int
    reason: str


def numbers(name: str) -> st.SearchStrategy[dict[str, Any]]:
    low, high = NUMBERS[name]
    near = st.integers(low, high)
    one = st.sampled_from(["at_least", "above", "at_most", "below", "is"])
    test = st.tuples(one, near).map(lambda pair: {pair[0]: pair[1]})
    between = st.tuples(near, near).map(lambda pair: {"at_least": min(pair), "at_most": max(pair)})
    return st.fixed_dictionaries({name: test | between | near | st.booleans().map(lambda known: {"known": known})})


LEAVES = st.one_of(
    *map(numbers, NUMBERS),
    st.booleans().map(lambda flag: {"returning": flag}),
    st.sampled_from([{"channel": "app"}, {"channel": ["web", "app"]}, {"graph.fraud": True}, {"list.black": False}]),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
    ),
    max_leaves=6,
)
FOLLOWS = st.one_of(
    st.sampled_from(["approve", "review", "reject"]).map(lambda then: {"then": then}),
    st.integers(-20, 40).map(lambda points: {"points": points}),
)
CUTS = st.tuples(st.sampled_from(["fraud", "points"]), st.lists(st.integers(0, 60), min_size=3, max_size=3)).flatmap(
    lambda drawn: st.sets(st.sampled_from([0, 1, 2]), min_size=1).map(
        lambda which: (
            {"score": drawn[0]}
            | {("approve_below", "review_from", "reject_from")[i]: sorted(drawn[1])[i] for i in which}
        )
    )
)
STEPS = st.one_of(
    st.tuples(CONDITIONS, FOLLOWS).map(lambda pair: {"when": pair[0]} | pair[1]),
    st.tuples(
        st.fixed_dictionaries(
            {"list": st.sampled_from(["black", "grey", "white"])},
            optional={
                "scope": st.sampled_from(["any", "global", "institution"]),
                "reasons": st.just(["fraud", "sanction"]),
            },
        ),
        FOLLOWS,
    ).map(lambda pair: pair[0] | pair[1]),
    CUTS,
)
FLOWS = st.builds(
    lambda steps, otherwise: {
        "flow": "f", "facts": FACTS, "otherwise": otherwise,
        "steps": [{"name": f"step_{i}"} | step for i, step in enumerate(steps)],
    },
    st.lists(STEPS, min_size=1, max_size=6),
    st.sampled_from(["approve", "review", "reject"]),
)  # fmt: skip
VALUES = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.integers(*bounds) for name, bounds in NUMBERS.items() if name != "points"},
        "returning": st.booleans(), "channel": st.sampled_from(["app", "web"]), "list.black": st.booleans(),
        "graph.fraud": st.none() | st.booleans(),
    },
)  # fmt: skip
HITS = st.lists(
    st.builds(
        Hit, st.sampled_from(["black", "grey", "white"]), st.integers(0, 1), st.sampled_from(["fraud", "sanction", "x"])
    ),
    max_size=3,
)


@settings(max_examples=examples(150), deadline=None)
@given(FLOWS, st.lists(st.tuples(VALUES, HITS), min_size=4, max_size=4))
def test_a_flow_decides_as_its_twin(form: dict[str, Any], cases: list[tuple[dict[str, Any], list[Hit]]]) -> None:
    flow = flow_of(form)
    for values, hits in cases:
        verdict = flow.decide(dict(values), hits)
        decision, reasons, points = flow_twin.decision(form, values, hits)
        assert (verdict.decision, verdict.points) == (decision, points)
        assert reasons <= set(verdict.reasons)
        assert verdict.reasons[0] in reasons


def test_a_review_stays_and_only_a_rejection_comes_before_it() -> None:
    steps = [
        {"name": "near", "when": {"amount": {"at_least": 10}}, "then": "review"},
        {"name": "known", "when": {"returning": True}, "then": "approve"},
        {"name": "worse", "when": {"amount": {"at_least": 50}}, "then": "reject"},
    ]
    flow = flow_of({"flow": "f", "facts": FACTS, "steps": steps, "otherwise": "reject"})
    told = {amount: flow.decide({"amount": amount, "returning": True}, []) for amount in (1, 10, 50)}
    assert [told[amount].decision for amount in told] == ["approve", "review", "reject"]
    assert told[10].reasons == ("NEAR",) and told[50].reasons == ("WORSE",)


def test_points_are_explained_by_what_gave_them_the_most_first() -> None:
    steps = [
        {"name": "some", "when": {"amount": {"above": 1}}, "points": 10},
        {"name": "more", "when": {"amount": {"above": 2}}, "points": 30, "reason": "MUCH_MORE"},
        {"name": "sum", "score": "points", "review_from": 40},
    ]
    flow = flow_of({"flow": "f", "facts": FACTS, "steps": steps, "otherwise": "approve"})
    assert flow.decide({"amount": 3}, []).reasons == ("SUM", "MUCH_MORE", "SOME")


def test_everything_that_is_wrong_is_told_where_it_is() -> None:
    with pytest.raises(Refused) as raised:
        flow_of({"flow": "F", "facts": {"x": {"kind": "what"}}, "steps": [], "otherwise": "maybe", "more": 1})
    assert [problem.path for problem in raised.value.problems] == [
        "flow", "facts.x.kind", "steps", "otherwise", "more",
    ]  # fmt: skip
    steps = [
        {"name": "a", "when": {"amount": {"at_least": 101}, "channel": "shop", "graph.distance": 1}, "then": "review"},
        {"name": "a", "when": {"any": [{"lenders_7d": {"at_least": 3, "below": 2}}, {"not": {}}]}, "points": 1},
        {"name": "b", "score": "fraud", "review_from": 700, "reject_from": 600, "then": "reject"},
        {"name": "c", "list": "black", "when": {"returning": True}, "then": "reject"},
        {"name": "d", "list": "white", "then": "approve", "points": 3},
        {"name": "e", "score": "luck", "review_from": 1},
        {"name": "f", "when": {"emulator": 1}, "then": "review", "scope": "global"},
        {"name": "g", "score": "fraud", "reject_from": 1001},
    ]
    facts = FACTS | {"emulator": {"kind": "flag"}, "y": {"kind": "flag", "at_least": 1}, "z": {"kind": "choice"}}
    with pytest.raises(Refused) as raised:
        flow_of({"flow": "f", "facts": facts, "steps": steps, "otherwise": "approve"})
    assert [problem.path for problem in raised.value.problems] == [
        "facts.emulator", "facts.y.at_least", "facts.z.of", "steps[0].when.amount.at_least", "steps[0].when.channel.is",
        "steps[0].when.graph.distance", "steps[1].when.any[0].lenders_7d", "steps[1].when.any[1].not", "steps[2].then",
        "steps[2].review_from", "steps[3]", "steps[4]", "steps[5].score", "steps[6].scope", "steps[6].when.emulator.is",
        "steps[7].reject_from", "steps[1].name",
    ]  # fmt: skip


def test_facts_of_the_callers_own_are_checked() -> None:
    facts = FACTS | {"income": {"kind": "number", "needed": True}}
    steps = [{"name": "a", "list": "grey", "then": "review"}]
    flow = flow_of({"flow": "f", "facts": facts, "steps": steps, "otherwise": "approve"})
    assert flow.own_facts({"income": 3, "channel": "web"}) == {"income": 3.0, "channel": "web"}
    with pytest.raises(Refused) as raised:
        flow.own_facts({"amount": 101, "channel": "shop", "returning": 1})
    assert [problem.path for problem in raised.value.problems] == [
        "facts.amount", "facts.channel", "facts.returning", "facts.income",
    ]  # fmt: skip


def test_a_version_is_what_a_flow_says_not_how_it_is_laid_out(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    flow = read_flow(EXAMPLE)
    other = tmp_path / "other.yaml"
    other.write_text("# another comment\n" + text.replace("  - {emulator: true}", "  - emulator: true"))
    assert read_flow(other).version == flow.version
    other.write_text(text.replace("review_from: 450", "review_from: 451"))
    assert read_flow(other).version != flow.version


def test_files_are_taken_up_when_they_change_and_a_bad_one_leaves_the_version_before_it(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    flows, file = Flows(tmp_path / "flows", tmp_path / "versions"), tmp_path / "flows" / "a.yaml"
    assert not flows.refresh() and not flows.flows
    with pytest.raises(Refused, match="there is no flow yet"):
        flows.get("instalments", "")
    file.write_text(EXAMPLE.read_text())
    assert flows.refresh() and not flows.refresh()
    first = flows.get("instalments", "bank")
    file.write_text(EXAMPLE.read_text().replace("otherwise: approve", "otherwise: perhaps"))
    assert flows.refresh() and flows.get("instalments", "bank") is first
    assert "otherwise: 'perhaps'" in flows.trouble["a.yaml"]
    file.write_text(EXAMPLE.read_text().replace("otherwise: approve", "otherwise: review\ninstitutions: [bank]"))
    assert flows.refresh() and not flows.trouble
    second = flows.get("instalments", "bank")
    assert second.version != first.version
    assert flows.text("instalments", first.version) == EXAMPLE.read_text()
    assert flows.text("instalments", "0" * 16) is None and flows.text("../flows", "a") is None
    with pytest.raises(Refused):
        flows.get("instalments", "other bank")
    (tmp_path / "flows" / "b.yaml").write_text(file.read_text())
    assert flows.refresh() and "b.yaml" in flows.trouble
    file.unlink()
    assert flows.refresh() and not flows.trouble, "the name is free now"
    assert flows.get("instalments", "bank").version == second.version
    (tmp_path / "flows" / "b.yaml").unlink()
    assert flows.refresh() and not flows.flows


@pytest.mark.parametrize(
    "text",
    [
        "- &a [*a]", "&a [*a]", "flow: !!timestamp 2026-11-26", "flow: !!binary YQ==", "steps: !!set {a}",
        "otherwise: !!int x", "otherwise: !!bool x", "steps: [{score: fraud, reject_from: !!float .nan}]",
        "steps: [{score: fraud, reject_from: !!float 1e999999999}]", "steps: !!omap [a: 1]", "x: !!int ''",
    ],
)  # fmt: skip
def test_whatever_a_file_says_it_is_refused_and_no_more(tmp_path: Path, text: str) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "a.yaml").write_text(text)
    flows = Flows(tmp_path / "flows", tmp_path / "versions")
    assert flows.refresh() and not flows.flows and flows.trouble.keys() == {"a.yaml"}
