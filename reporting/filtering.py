"""Filters of a report: the words of a request become keys that the tables have."""

from collections.abc import Iterable, Sequence

from domain.errors import Problem, Refused
from domain.naming import name_id
from reporting.catalogue import DIMENSIONS, Dimension
from reporting.names import TODAY
from reporting.parts import Condition
from reporting.request import Filter
from reporting.store import Parameter, Store

MOST_MAPPED = 2_000
"""Ids that are written into a query: each costs some bytes of it, for each table."""


def conditions(store: Store, filters: Iterable[Filter], scoped: bool) -> tuple[Condition, ...]:
    """Things are found by key, by today's name, or by id (``#12``). What there is not is refused; but to a holder of a
    scope it looks as if it had no rows, for it could be somebody else's. Raises Refused.
    """
    found, problems = [], []
    for each in filters:
        dimension = DIMENSIONS[each.dimension]
        keys: list[int | str] = []
        if dimension.code and not dimension.mapped:
            keys = [code for value in each.values if (code := dimension.code(value)) is not None]
        else:
            matched = _matched(store, dimension, each.values)
            for value, ids in matched.items():
                if not ids and value and not scoped and dimension.names:
                    allowed = f"it must be the key, name or #id of a {dimension.name}"
                    problems.append(Problem("filter", f"{each.dimension}:{value}", allowed))
                keys += ids
        found.append(Condition(each.dimension, tuple(dict.fromkeys(keys)), each.wanted))
    if problems:
        raise Refused(problems)
    return tuple(found)


def _matched(store: Store, dimension: Dimension, values: Sequence[str]) -> dict[str, list[int]]:
    """Value -> ids of what it means: of the dimension, or of what it belongs to (creatives of a format)."""
    if dimension.name == "site":  # there can be millions, and their ids follow from their names
        return {value: [_id(value) if _id(value) is not None else name_id(value) if value else 0] for value in values}  # type: ignore[list-item]
    if dimension.mapped and not dimension.names:
        return {value: [*_of(store, dimension, value), *([0] if not value else [])] for value in values}
    things = _things(store, dimension.names, values)
    if dimension.mapped:
        return {value: [id_ for of in ids for id_ in _of(store, dimension, of)] for value, ids in things.items()}
    return things


def _id(value: str) -> int | None:
    digits = value.removeprefix("#")
    if value.startswith("#") and digits.isascii() and digits.isdigit() and int(digits) < 1 << 64:
        return int(digits)
    return None


def _things(store: Store, kind: str, values: Sequence[str]) -> dict[str, list[int]]:
    """By key or name; digits that are neither are an id. The empty text is 0, nothing."""
    told: dict[str, Parameter] = {f"v_{n}": value for n, value in enumerate(values)}
    wanted = ", ".join(f"%({name})s" for name in told)
    today = (
        f"SELECT id AS i, {TODAY['key']} AS k, {TODAY['name']} AS n FROM names WHERE dimension = '{kind}' GROUP BY id"
    )
    rows = store.query(f"SELECT i, k, n FROM ({today}) WHERE k IN ({wanted}) OR n IN ({wanted})", told)
    found: dict[str, list[int]] = {value: [] for value in values}
    for id_, key, name in rows:
        for value in {str(key), str(name)} & found.keys():
            found[value].append(int(id_))
    for value, ids in found.items():
        if not value:
            ids.append(0)
        elif not ids and (id_ := _id(value if value.startswith("#") else f"#{value}")) is not None:
            ids.append(id_)
    return found


def _of(store: Store, dimension: Dimension, value: int | str) -> list[int]:
    """Ids of the things whose column of the dictionary says so."""
    today = f"SELECT id AS i, {TODAY[dimension.mapped]} AS m FROM names WHERE dimension = '{dimension.of}' GROUP BY id"
    return [int(row[0]) for row in store.query(f"SELECT i FROM ({today}) WHERE m = %(value)s", {"value": value})]


def meanings(store: Store, names: Iterable[str]) -> tuple[dict[str, dict[int, int]], dict[str, list[str]]]:
    """Of dimensions that are what creatives and advertisers belong to: id -> key of what is meant, and where keys are
    places in a list of words, that list. Kinds with more than `MOST_MAPPED` ids are left out.
    """
    values: dict[str, dict[int, int]] = {}
    words: dict[str, list[str]] = {}
    for name in names:
        dimension = DIMENSIONS[name]
        if not dimension.mapped:
            continue
        rows = store.query(
            f"SELECT id, {TODAY[dimension.mapped]} AS m FROM names WHERE dimension = '{dimension.of}' GROUP BY id"
            f" ORDER BY id LIMIT {MOST_MAPPED + 1}"
        )
        if not 0 < len(rows) <= MOST_MAPPED:
            continue
        if dimension.names:
            values[name] = {int(id_): int(meant) for id_, meant in rows}
        else:
            words[name] = sorted({"", *(str(meant) for _, meant in rows)})
            places = {word: place for place, word in enumerate(words[name])}
            values[name] = {int(id_): places[str(meant)] for id_, meant in rows}
    return values, words
