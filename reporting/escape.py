"""Parameters of a query, as literals of ClickHouse's SQL (18.16 takes no typed parameters of its own)."""

from collections.abc import Mapping

_ESCAPES = str.maketrans(
    {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\0": "\\0"}
)


def literal(value: int | str) -> str:
    """``7`` -> ``7``, ``it's`` -> ``'it\\'s'``."""
    if isinstance(value, str):
        return f"'{value.translate(_ESCAPES)}'"
    return str(int(value))


def fill(sql: str, parameters: Mapping[str, int | str] | None) -> str:
    """``%(name)s`` -> its literal; without parameters the text is left as it is."""
    return sql % {name: literal(value) for name, value in parameters.items()} if parameters else sql
