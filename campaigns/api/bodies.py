"""Bodies as they come: nothing in them that a database or a reader chokes on; merge patches; differences."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from api.exact import Exact
from domain.errors import Problem, Refused

DEEPEST = 40
NUMBERS = ("goal", "factor", "duration_s", "skip_after_s")
"""Fields that a campaign file has as plain numbers only; answers have exact decimals as text."""
FREE = ("targeting", "when", "bid_ext")
"""Fields within which names are not ours."""
_NUMBER = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")


def clean(value: Any, path: str = "") -> Any:
    """A value that can be read as an entry of a campaign file. Raises Refused."""
    problems: list[Problem] = []
    found = _clean(value, path, 0, problems, True)
    if problems:
        raise Refused(problems)
    return found


def _clean(value: Any, path: str, depth: int, problems: list[Problem], ours: bool) -> Any:
    if isinstance(value, str):
        if "\0" in value:
            problems.append(Problem(path, value, "text must have no NUL in it"))
        return value
    if isinstance(value, int) and not isinstance(value, bool) and not -(10**30) < value < 10**30:
        problems.append(Problem(path, "a very large number", "it must have at most 30 digits"))
        return 0
    if not isinstance(value, dict | list):
        return value
    if depth >= DEEPEST:
        problems.append(Problem(path, "…", f"it must be nested at most {DEEPEST} deep"))
        return None
    if isinstance(value, list):
        return [_clean(each, f"{path}[{i}]", depth + 1, problems, ours) for i, each in enumerate(value)]
    found = {}
    for name, each in value.items():
        at = f"{path}.{name}" if path else name
        if "\0" in name:
            problems.append(Problem(at.replace("\0", "␀"), name, "a name must have no NUL in it"))
        if ours and name in NUMBERS and isinstance(each, str) and _NUMBER.fullmatch(each):
            each = Exact(each)
        found[name] = _clean(each, at, depth + 1, problems, ours and name not in FREE)
    return found


def merged(target: Any, patch: Any) -> Any:
    """JSON Merge Patch (RFC 7396): members of ``patch`` replace those of ``target``, null takes one away."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


def check_names(body: Mapping[str, Any], fields: Sequence[str], output: Sequence[str]) -> None:
    """Raises Refused for a field that there is not, null or not."""
    problems = [
        Problem(name, value, f"there is no such field; the fields here are {', '.join(fields)}")
        for name, value in body.items()
        if name not in fields and name not in output
    ]
    if problems:
        raise Refused(problems)


def difference(before: Any, after: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Where two values differ: (path, value before, value after); None is what is not there."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            one
            for name in dict.fromkeys((*before, *after))
            for one in difference(before.get(name), after.get(name), f"{path}.{name}" if path else name)
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            one for i, (x, y) in enumerate(zip(before, after, strict=True)) for one in difference(x, y, f"{path}[{i}]")
        ]
    return [] if before == after else [(path, before, after)]
