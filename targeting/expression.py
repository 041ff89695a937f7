"""Targeting expressions: AND, OR and NOT over dimensions, and their normal form, an OR of ANDs of clauses.

An expression is a mapping. Its keys are dimensions, each with a list of values of which a request must have one, and
``all``, ``any`` (lists of expressions) and ``not`` (an expression); all keys of a mapping hold. What a request does not
say fails a requirement and passes an exclusion, so ``not`` is pushed down to the clauses before anything is compared.

Which dimensions there are is a vocabulary: that of bid requests unless another one is given.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

from domain.campaign import Clause, Conjunction, Targeting
from targeting.dimensions import MANY, SETS, Dimension, above
from targeting.ranges import apart

MOST_ALTERNATIVES = 64
"""Conjunctions of one line item."""
MOST_LEAVES = 256
DEEPEST = 16
OPERATORS = ("all", "any", "not")

Fault = tuple[str, object, str]
"""Path below the expression, the value there, what is allowed."""
ReadValues = Callable[[Dimension, Any], tuple[str, ...]]
"""A dimension's list as it is written -> values as they are published. Raises `Ill`."""
Read = Callable[[str, Any], tuple[str, ...]]
"""The same by the dimension's name."""


class Sort(NamedTuple):
    """What is to be known of a dimension to compare what several clauses say of it."""

    place: int
    """Clauses stand in this order."""
    many: bool
    """Can who is asked about have several of its values?"""
    apart: Callable[[str, str], bool] | None = None
    """Of values that are checks, such as ranges: can nobody meet both of these? None: it is a set of values."""
    above: Callable[[str], Iterable[str]] = lambda value: ()
    """The values that come with a value whenever it is there: a domain's parents."""


Vocabulary = Mapping[str, Sort]
"""By the names of the dimensions as they are written."""

REQUESTS: Vocabulary = {
    d.name.lower(): Sort(d, d in MANY or d >= SETS, partial(apart, d) if d >= SETS else None, partial(above, d))
    for d in Dimension
}


class Ill(ValueError):
    """An expression is refused, with every fault found."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{path or 'targeting'}: {value!r}: {allowed}" for path, value, allowed in faults))
        self.faults = tuple(faults)


class Node(NamedTuple):
    """A part of an expression: ``kind`` is an operator, or ``leaf`` with a dimension and its values."""

    kind: str
    path: str
    form: Any
    """As it was written."""
    parts: tuple["Node", ...] = ()
    dimension: str = ""
    values: tuple[str, ...] = ()


def targeting_of(form: Any, read: ReadValues) -> Targeting:
    """An expression about bid requests as it was written -> its normal form. Raises `Ill` as `normal_form`."""
    return normal_form(form, lambda name, values: read(Dimension[name.upper()], values), REQUESTS)


def normal_form(form: Any, read: Read, words: Vocabulary) -> Targeting:
    """An expression as it was written -> its normal form. Raises `Ill` for an unknown dimension or value, an empty set,
    something that can never be met or always is, and for what comes out too large.
    """
    faults: list[Fault] = []
    tree = _parse(form, "", 0, read, words, faults)
    if not faults and sum(1 for _ in _leaves(tree)) > MOST_LEAVES:
        faults.append(("", form, f"an expression has at most {MOST_LEAVES} lists of values"))
    if faults:
        raise Ill(faults)
    return Targeting(tuple(_normal(tree, True, words)))


def published(form: Any) -> Targeting:
    """An expression whose values are written as a snapshot has them. Raises `Ill`."""
    return targeting_of(form, lambda dimension, values: tuple(values)) if form else Targeting()


def rewritten(targeting: Targeting, part: Callable[[Clause], Node | None]) -> Targeting:
    """The same in other words: wherever ``part`` has a node for a clause, the clause says that. Raises `Ill`."""
    ways: list[Conjunction] = []
    for conjunction in targeting.any_of:
        nodes = tuple(part(clause) or _node_of(clause) for clause in conjunction)
        ways += _normal(Node("all", "", "", nodes), True, REQUESTS)
    ways = _any_of(ways)
    if len(ways) > MOST_ALTERNATIVES:
        raise Ill([("", "", _too_many())])
    return Targeting(tuple(ways), targeting.written)


def ways_to(node: Node, met: bool = True) -> tuple[Conjunction, ...]:
    """In which a node is met, or is not. Raises `Ill`."""
    return tuple(_normal(node, met, REQUESTS))


def _node_of(clause: Clause) -> Node:
    leaf = Node("leaf", "", "", (), clause.dimension, clause.values)
    return leaf if clause.wanted else Node("not", "", "", (leaf,))


def _parse(form: Any, path: str, depth: int, read: Read, words: Vocabulary, faults: list[Fault]) -> Node:
    known = f"the keys here are all, any, not, and the dimensions {', '.join(sorted(words))}"
    if not isinstance(form, dict) or not form:
        faults.append((path, form, f"it must be a mapping that says something; {known}"))
        return Node("all", path, form)
    if depth > DEEPEST:
        faults.append((path, form, f"expressions are nested at most {DEEPEST} deep"))
        return Node("all", path, form)
    parts = []
    for name, value in form.items():
        below = f"{path}.{name}"
        if name in ("all", "any"):
            if not isinstance(value, list) or not value:
                faults.append((below, value, "it must be a list of at least 1 expression"))
                continue
            inner = [_parse(each, f"{below}[{i}]", depth + 1, read, words, faults) for i, each in enumerate(value)]
            parts.append(Node(name, below, value, tuple(inner)))
        elif name == "not":
            if isinstance(value, dict) and len(value) > 1:
                faults.append(
                    (below, value, "with several keys, say which is meant: not: {any: [...]} or {all: [...]}")
                )
                continue
            parts.append(Node("not", below, value, (_parse(value, below, depth + 1, read, words, faults),)))
        elif name in words:
            try:
                parts.append(Node("leaf", below, value, (), name, read(name, value)))
            except Ill as ill:
                faults += [(f"{below}{b}", v, allowed) for b, v, allowed in ill.faults]
        else:
            faults.append((below, value, f"there is no such dimension; {known}"))
    return parts[0] if len(parts) == 1 else Node("all", path, form, tuple(parts))


def paths_of(form: Any, dimension: str, path: str = "") -> Iterator[str]:
    """Where a written expression says something about a dimension."""
    if isinstance(form, list):
        for place, each in enumerate(form):
            yield from paths_of(each, dimension, f"{path}[{place}]")
    elif isinstance(form, dict):
        for name, value in form.items():
            if name == dimension:
                yield f"{path}.{name}"
            elif name in OPERATORS:
                yield from paths_of(value, dimension, f"{path}.{name}")


def _leaves(node: Node) -> Iterator[Node]:
    if node.kind == "leaf":
        yield node
    for part in node.parts:
        yield from _leaves(part)


def _normal(node: Node, met: bool, words: Vocabulary) -> list[Conjunction]:
    """The ways in which a node is met, or (``met`` False) in which it is not."""
    if node.kind == "leaf":
        return [(Clause(node.dimension, node.values, met),)]
    if node.kind == "not":
        return _normal(node.parts[0], not met, words)
    if (node.kind == "all") == met:
        return _all_of([_normal(part, met, words) for part in node.parts], node, met, words)
    ways = _any_of([way for part in node.parts for way in _normal(part, met, words)])
    if len(ways) > MOST_ALTERNATIVES:
        raise Ill([(node.path, node.form, _too_many())])
    if met:
        _refuse_what_is_always_met(node, words)
    return ways


def _all_of(parts: list[list[Conjunction]], node: Node, met: bool, words: Vocabulary) -> list[Conjunction]:
    ways: list[Conjunction] = [()]
    for part in parts:
        if len(ways) * len(part) > MOST_ALTERNATIVES**2:
            raise Ill([(node.path, node.form, _too_many())])
        joined = (simplified((*left, *right), words) for left, right in product(ways, part))
        ways = _any_of([way for way in joined if way is not None])
        if len(ways) > MOST_ALTERNATIVES:
            raise Ill([(node.path, node.form, _too_many())])
    if not ways:
        allowed = "it contradicts itself: no request can meet all of it"
        if not met:
            allowed = "every request meets it, so nothing is left where it is excluded"
        raise Ill([(node.path, node.form, allowed)])
    return ways


def _too_many() -> str:
    return (
        f"it comes out as more than {MOST_ALTERNATIVES} alternatives: use fewer any (or not all) inside all, or make "
        "it several line items"
    )


def _refuse_what_is_always_met(node: Node, words: Vocabulary) -> None:
    try:
        unmet = _all_of([_normal(part, False, words) for part in node.parts], node, False, words)
    except Ill as ill:
        if ill.faults[0][2] == _too_many():
            return  # nobody can say; it does no harm
        unmet = []
    if not unmet:
        raise Ill([(node.path, node.form, "every request meets one of these, so it says nothing; leave it out")])


def _any_of(ways: list[Conjunction]) -> list[Conjunction]:
    """Without doubles and without what another one says already; lone requirements of one dimension become one."""
    lone: dict[str, list[str]] = {}
    rest: dict[Conjunction, None] = {}
    for way in ways:
        if len(way) == 1 and way[0].wanted:
            lone.setdefault(way[0].dimension, []).extend(way[0].values)
        else:
            rest[way] = None
    whole = [*((Clause(name, tuple(dict.fromkeys(values))),) for name, values in lone.items()), *rest]
    clauses = [frozenset(way) for way in whole]
    return [
        way for i, way in enumerate(whole) if not any(other < clauses[i] for j, other in enumerate(clauses) if j != i)
    ]


def simplified(clauses: Sequence[Clause], words: Vocabulary = REQUESTS) -> Conjunction | None:
    """The same conjunction in fewer clauses, in the order of the dimensions; None if nothing can meet it."""
    made: list[Clause] = []
    by_dimension: dict[str, list[Clause]] = {}
    for clause in clauses:
        by_dimension.setdefault(clause.dimension, []).append(clause)
    for name in sorted(by_dimension, key=lambda each: words[each].place):
        kept = _in_one_dimension(name, words[name], by_dimension[name])
        if kept is None:
            return None
        made += kept
    return tuple(made)


def _in_one_dimension(name: str, sort: Sort, clauses: list[Clause]) -> list[Clause] | None:
    wanted = list(dict.fromkeys(c.values for c in clauses if c.wanted))
    excluded = dict.fromkeys(value for c in clauses if not c.wanted for value in c.values)
    if sort.apart is None:
        barred = set(excluded)
        if not sort.many and wanted:
            common = set(wanted[0]).intersection(*wanted[1:])
            wanted, excluded = [tuple(value for value in wanted[0] if value in common)], {}
        wanted = [tuple(v for v in values if v not in barred and barred.isdisjoint(sort.above(v))) for values in wanted]
        sets = [set(values) for values in wanted]
        wanted = [
            values
            for i, values in enumerate(wanted)
            if not any(s < sets[i] or (s == sets[i] and j < i) for j, s in enumerate(sets))
        ]
        if not all(wanted):
            return None
    else:
        incompatible = sort.apart
        if any(set(values) <= set(excluded) for values in wanted) or any(
            all(incompatible(a, b) for a in one for b in other) for one in wanted for other in wanted
        ):
            return None
    found = [Clause(name, values) for values in wanted]
    return [*found, Clause(name, tuple(excluded), False)] if excluded else found
