"""docs/openrtb.md: what is done with every field of a bid request, from the typed model and `field_uses.toml`.

``python -m openrtb.field_table`` writes the page, in a checkout of the sources. A field without an entry, an entry
without a field, and a use that is none of `USES` are errors; a test says so when the page is out of date.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard, get_args

import msgspec

from domain.errors import Problem, Refused
from openrtb import model
from openrtb.model import BidRequest

HERE = Path(__file__).parent
ENTRIES = HERE / "field_uses.toml"
PAGE = HERE.parent / "docs" / "openrtb.md"

USES = {
    "enforced": "no bid goes against it",
    "read": "it takes part in the decision, or holds fields that do",
    "passed on": "it comes back in the response",
    "ignored": "it is understood, changes nothing, and the text says why",
}

HEAD = """# Fields of a bid request

What the bidder does with every field of OpenRTB 2.6-202606 (and those of 2.5 that are gone since). Made by
`python -m openrtb.field_table` from the model in `openrtb/model` and the entries in `openrtb/field_uses.toml`: change
those, not this page.

{uses}

Every field is typed: one of a wrong type is mended or, if it is optional, left out (see [the bid path](bid-path.md)).
Unknown fields are tolerated. `ext` has no row where nothing in it is known to us.

"""


class Entry(msgspec.Struct, frozen=True):
    """A row of the table."""

    field: str
    kind: str
    use: str
    text: str


def objects(kind: type[msgspec.Struct] = BidRequest) -> Iterator[type[msgspec.Struct]]:
    """All objects of a bid request, in the order in which its fields lead to them; each once."""
    met: dict[type[msgspec.Struct], None] = {}
    waiting = [kind]
    while waiting:
        found = waiting.pop(0)
        if found not in met:
            met[found] = None
            waiting += [part for field in fields(found) for part in parts(field.type) if is_object(part)]
    yield from met


def fields(kind: type[msgspec.Struct]) -> list[msgspec.structs.FieldInfo]:
    """Fields of the protocol."""
    return [field for field in msgspec.structs.fields(kind) if not field.encode_name.startswith("(")]


def parts(kind: object) -> list[object]:
    """A type, and those that it is made of."""
    return [kind, *(part for argument in get_args(kind) for part in parts(argument))]


def is_object(kind: object) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def written(kind: object) -> str:
    """The type as the specification writes it."""
    inside = parts(kind)
    inner = next((part.__name__ for part in inside if is_object(part)), "")
    if inner:
        name = f"[{inner}](#{inner.lower()})"
    else:
        name = "integer" if int in inside else "float" if float in inside else "string"
    return f"{name} array" if any(getattr(part, "__origin__", part) is list for part in inside) else name


def table(uses: dict[str, dict[str, str]]) -> dict[str, list[Entry]]:
    """The rows by object. Raises `Refused` with all that does not go together."""
    problems: list[Problem] = []
    rows: dict[str, list[Entry]] = {}
    for kind in objects():
        entries = dict(uses.get(kind.__name__, {}))
        rows[kind.__name__] = []
        for field in fields(kind):
            path = f"{kind.__name__}.{field.encode_name}"
            said = entries.pop(field.encode_name, None)
            use, _, text = (said or "").partition(": ")
            if said is None:
                problems.append(Problem(path, None, "every field of the model has an entry"))
            elif use not in USES or (use == "ignored" and not text):
                problems.append(Problem(path, said, f"one of {', '.join(USES)}; and why, if it is ignored"))
            rows[kind.__name__].append(Entry(field.encode_name, written(field.type), use, text))
        for name, said in entries.items():
            problems.append(Problem(f"{kind.__name__}.{name}", said, "the model has no such field"))
    problems += [Problem(name, "", "the model has no such object") for name in uses if name not in rows]
    if problems:
        raise Refused(problems)
    return rows


def page(uses: dict[str, dict[str, str]]) -> str:
    """The whole page as Markdown."""
    text = HEAD.format(uses="\n".join(f"- *{use}*: {meaning}." for use, meaning in USES.items()))
    for name, rows in table(uses).items():
        section = re.match(r"3\.2\.\d+", getattr(model, name).__doc__ or "")
        text += f"## {name}\n\n" + (f"Section {section[0]}.\n\n" if section else "")
        text += "| field | type | use | what is done with it |\n|---|---|---|---|\n"
        text += "".join(f"| `{row.field}` | {row.kind} | {row.use} | {row.text} |\n" for row in rows)
        text += "\n"
    return text.rstrip() + "\n"


def read() -> dict[str, dict[str, str]]:
    """The entries as they are kept."""
    return tomllib.loads(ENTRIES.read_text())


if __name__ == "__main__":
    PAGE.write_text(page(read()))
