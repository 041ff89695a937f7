"""Decision flows in plain Python, straight from what is written: the oracle of `risk.flow`."""

from collections.abc import Mapping, Sequence
from typing import Any


def holds(form: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """A condition, read anew each time."""
    for name, asked in form.items():
        if name == "all":
            fits = all([holds(each, values) for each in asked])
        elif name == "any":
            fits = any([holds(each, values) for each in asked])
        elif name == "not":
            fits = not holds(asked, values)
        else:
            tests = asked if isinstance(asked, dict) else {"one_of": asked if isinstance(asked, list) else [asked]}
            fits = all([_passes(test, bound, values.get(name)) for test, bound in tests.items()])
        if not fits:
            return False
    return True


def _passes(test: str, bound: Any, value: Any) -> bool:
    if test == "known":
        return bool(bound) == (value is not None)
    if value is None:
        return False
    if test in ("is", "one_of"):
        return value in (bound if test == "one_of" else [bound])
    return {
        "at_least": value >= bound, "above": value > bound, "at_most": value <= bound, "below": value < bound
    }[test]  # fmt: skip


def decision(form: Mapping[str, Any], known: Mapping[str, Any], hits: Sequence[Any]) -> tuple[str, set[str], float]:
    """What a flow says, the reasons of the steps that decided, and the points."""
    points, reviews = 0.0, []
    for step in form["steps"]:
        values = {**known, "points": points}
        reason = step.get("reason") or step["name"].upper()
        outcomes: list[str | float] = []
        if "score" in step:
            value = values.get(step["score"] if step["score"] == "points" else f"score.{step['score']}")
            if value is not None:
                if "reject_from" in step and value >= step["reject_from"]:
                    outcomes.append("reject")
                if "review_from" in step and value >= step["review_from"]:
                    outcomes.append("review")
                if "approve_below" in step and value < step["approve_below"]:
                    outcomes.append("approve")
        elif ("list" in step and _listed(step, hits)) or ("when" in step and holds(step["when"], values)):
            outcomes.append(step["then"] if "then" in step else step["points"])
        for outcome in outcomes:
            if isinstance(outcome, int | float):
                points += outcome
            elif outcome == "review":
                reviews.append(reason)
            elif outcome == "reject" or not reviews:
                return outcome, {reason}, points
    return ("review", set(reviews), points) if reviews else (form["otherwise"], {"OTHERWISE"}, points)


def _listed(step: Mapping[str, Any], hits: Sequence[Any]) -> bool:
    scope = step.get("scope", "any")
    return any(
        hit.list == step["list"]
        and (not step.get("reasons") or any(f"{hit.reason}:".startswith(f"{each}:") for each in step["reasons"]))
        and (scope == "any" or (scope == "global") == (hit.institution == 0))
        for hit in hits
    )
