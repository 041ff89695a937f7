"""Reading one mapping of a file field by field, noting everything that is wrong instead of stopping at the first."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

from domain.errors import Problem

T = TypeVar("T")
REQUIRED: Any = object()


class Wrong(ValueError):
    """A value is not allowed: ``faults`` are (path below the value, the value there, what is allowed)."""

    def __init__(self, allowed: str, *faults: tuple[str, object, str]) -> None:
        super().__init__(allowed)
        self.allowed, self.faults = allowed, faults


class Entry:
    """A mapping at ``path`` of which only ``fields`` are known.

    ``sound`` turns False with the first problem; then nothing may be built from what was read.
    """

    def __init__(self, value: object, path: str, fields: Sequence[str], problems: list[Problem]) -> None:
        self.path, self.problems, self.sound = path, problems, True
        self.values: dict[str, Any] = {}
        self._readable = isinstance(value, dict)
        if not isinstance(value, dict):
            self.wrong("", value, f"it must be a mapping with the fields {', '.join(fields)}")
            return
        self.values = value
        for name in value:
            if name not in fields:
                self.wrong(name, value[name], f"there is no such field; the fields here are {', '.join(fields)}")

    def at(self, name: str) -> str:
        """Path of a field."""
        return f"{self.path}.{name}" if self.path and name else self.path or name

    def wrong(self, name: str, value: object, allowed: str) -> None:
        """Notes a problem with a field (or, with an empty name, with the whole entry)."""
        self.problems.append(Problem(self.at(name), value, allowed))
        self.sound = False

    def take(self, name: str, check: Callable[[Any], T], default: Any = REQUIRED) -> T:
        """The checked value of a field; ``default`` when it is absent or null.

        After a problem the result is None whatever its type says, and ``sound`` is False: combine such values with
        others only after a look at them.
        """
        value = self.values.get(name)
        if value is None:
            if default is not REQUIRED:
                return cast(T, default)
            if self._readable:
                self.wrong(name, None, "it must be given")
            return cast(T, None)
        try:
            return check(value)
        except Wrong as wrong:
            for below, found, allowed in wrong.faults or (("", value, wrong.allowed),):
                self.wrong(name + below, found, allowed)
            return cast(T, None)

    def part(self, name: str, fields: Sequence[str], *, needed: bool = True) -> "Entry | None":
        """The mapping that a field holds; None when it is absent. Its ``sound`` is for the caller to take over."""
        value = self.values.get(name)
        if value is None:
            if needed and self._readable:
                self.wrong(name, None, "it must be given")
            return None
        return Entry(value, self.at(name), fields, self.problems)

    def entries(self, name: str, fields: Sequence[str]) -> Iterator["Entry"]:
        """The mappings of a list; none when it is absent."""
        value = self.values.get(name)
        if value is None:
            return
        if not isinstance(value, list):
            self.wrong(name, value, "it must be a list")
            return
        for i, item in enumerate(value):
            entry = Entry(item, f"{self.at(name)}[{i}]", fields, self.problems)
            yield entry
            self.sound &= entry.sound
