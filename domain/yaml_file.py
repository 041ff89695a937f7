"""Reading YAML so that nothing is lost or guessed: decimals stay exact, ``no`` is a word, a key appears once.

YAML 1.1's surprises (dates, sexagesimal and octal numbers, yes/no/on/off) are read as plain text.
"""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import yaml

from domain.errors import Problem, Refused

MAX_BYTES = 64 << 20


class _Loader(yaml.SafeLoader):
    """Without the safe loader's own guesses at what plain words mean; ours follow."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+\.[0-9]+$"), list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^<<$"), ["<"])


class Exact(Decimal):
    """A decimal as it was written, also where it is shown to people."""

    def __repr__(self) -> str:
        return str(self)


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> Exact:
    try:
        value = Exact(node.value)
    except ArithmeticError:
        value = Exact("nan")
    if not value.is_finite():
        raise yaml.constructor.ConstructorError(None, None, f"{node.value!r} is no number", node.start_mark)
    return value


def _foreign(loader: _Loader, node: yaml.Node) -> Any:
    """What JSON has no word for; only an explicit tag makes such a value."""
    kind = node.tag.rpartition(":")[2]
    raise yaml.constructor.ConstructorError(None, None, f"there are no values of the type {kind!r}", node.start_mark)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is not text", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is there twice", key_node.start_mark)
        seen.add(key)
    loader.flatten_mapping(node)
    return {loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value}


_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
for _type in ("timestamp", "binary", "set", "omap", "pairs"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_type}", _foreign)


def read_yaml(path: Path) -> Any:
    """What the file holds. Raises Refused, naming file and line, when it cannot be read or is no YAML."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Refused([Problem(str(path), path.stat().st_size, f"a file has at most {MAX_BYTES} bytes")])
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Refused([Problem("file", str(path), f"it must be a readable file ({error.strerror})")]) from None
    except UnicodeDecodeError as error:
        raise Refused([Problem(str(path), error.object[error.start : error.end], "the file must be UTF-8")]) from None
    try:
        return yaml.load(text, _Loader)  # a SafeLoader with fewer guesses
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise Refused([Problem(place, error.problem or str(error), "the file must be YAML")]) from None
    except (yaml.YAMLError, RecursionError, ValueError, LookupError) as error:  # the last two: !!int x, !!bool x
        raise Refused([Problem(str(path), str(error), "the file must be YAML")]) from None


class _Dumper(yaml.SafeDumper):
    """Decimals as they are, and lists set in below their names."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _number(dumper: _Dumper, value: Decimal) -> yaml.ScalarNode:
    text = format(value, "f")
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


_Dumper.add_representer(Decimal, _number)
_Dumper.add_representer(Exact, _number)


def yaml_of(content: Any) -> str:
    """What `read_yaml` reads the same of: mappings in their order, text, whole numbers, decimals, truth values."""
    written: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return written
