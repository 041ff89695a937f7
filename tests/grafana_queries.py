"""What Grafana and its ClickHouse plugin make of a panel's SQL before they send it, as their documentation says.

The order is theirs: ``$__conditionalAll`` and the dashboard's variables in the browser, the other macros behind it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

ALL = ("$__all",)
"""What a variable holds when everything is chosen."""
Values = Mapping[str, Sequence[str]]


def expanded(sql: str, since: datetime, until: datetime, interval_s: int, values: Values) -> str:
    """The SQL that reaches ClickHouse. Raises KeyError for a variable or macro that there is not."""
    sql = _macros(sql, {"conditionalAll": lambda condition, name: _conditional(condition, name, values)})
    sql = re.sub(r"\$\{(\w+)(?::(\w+))?\}", lambda found: _formatted(values[found[1]], found[2]), sql)
    begin, end = (f"toDateTime({int(moment.timestamp())})" for moment in (since, until))
    first, last = (f"toDate('{moment.astimezone(UTC):%Y-%m-%d}')" for moment in (since, until))

    def between(column: str, low: str, high: str) -> str:
        return f"{column} >= {low} AND {column} <= {high}"

    sql = _macros(
        sql,
        {
            "dateTimeFilter": lambda day, time: f"({between(day, first, last)}) AND ({between(time, begin, end)})",
            "timeFilter": lambda time: between(time, begin, end),
            "dateFilter": lambda day: between(day, first, last),
            "timeInterval": lambda time: f"toStartOfInterval(toDateTime({time}), INTERVAL {interval_s} second)",
        },
    )
    words = {"fromTime": begin, "toTime": end, "interval_s": str(interval_s)}
    sql = re.sub(r"\$__(\w+)", lambda found: words[found[1]], sql)
    if "$" in sql:
        raise KeyError(sql[sql.index("$") :][:40])
    return sql


def _macros(sql: str, known: Mapping[str, Callable[..., str]]) -> str:
    for name, expand in known.items():
        while (start := sql.find(f"$__{name}(")) >= 0:
            arguments, end = _arguments(sql, start + len(name) + 3)
            sql = sql[:start] + expand(*arguments) + sql[end:]
    return sql


def _arguments(sql: str, opening: int) -> tuple[list[str], int]:
    """Those of the call whose parenthesis opens there, and the place after the one that closes it."""
    depth, parts, begin = 0, [], opening + 1
    for place in range(opening, len(sql)):
        letter = sql[place]
        depth += (letter == "(") - (letter == ")")
        if (letter == "," and depth == 1) or depth == 0:
            parts.append(sql[begin:place].strip())
            begin = place + 1
        if depth == 0:
            return parts, begin
    raise KeyError(sql[opening:][:40])


def _conditional(condition: str, name: str, values: Values) -> str:
    return "1=1" if values[name.removeprefix("$")] == ALL else condition


def _formatted(chosen: Sequence[str], shape: str | None) -> str:
    if shape == "singlequote":
        return ",".join("'" + value.replace("'", "\\'") + "'" for value in chosen)
    if shape == "csv" or (shape in (None, "raw") and len(chosen) == 1):
        return ",".join(chosen)
    raise KeyError(f"format {shape}")
