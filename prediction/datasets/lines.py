"""Lines of a delimited text file as blocks of columns, in bounded memory; bad ones are counted and named."""

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from domain.errors import Problem, Refused

BLOCK = 20_000
"""Lines that are held at once."""
LONGEST = 1 << 20
"""Characters of a line; what is longer is bad, and is passed over without being held."""
BAD_NAMED = 10
"""How many bad lines are told one by one; the others are counted."""


class Bad:
    """The bad lines of a file: how many, and what is wrong with the first ones."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def add(self, line: int, reason: str) -> None:
        self.count += 1
        if len(self.first) < BAD_NAMED:
            self.first.append(f"line {line}: {reason}")


class Block:
    """Consecutive good lines: their numbers in the file, and their fields by the name of the column."""

    def __init__(self, numbers: list[int], columns: dict[str, Sequence[str]]) -> None:
        self.numbers, self.columns = numbers, columns

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, column: str) -> Sequence[str]:
        return self.columns[column]

    def without(self, wrong: dict[int, str], bad: Bad) -> "Block":
        """The block without the lines at those positions, which are noted with their reasons."""
        if not wrong:
            return self
        for at in sorted(wrong):
            bad.add(self.numbers[at], wrong[at])
        kept = [at for at in range(len(self)) if at not in wrong]
        columns: dict[str, Sequence[str]] = {name: [fields[at] for at in kept] for name, fields in self.columns.items()}
        return Block([self.numbers[at] for at in kept], columns)


class Lines:
    """A file of lines with ``delimiter`` between fields, plain or gzipped (by its name's end).

    ``names`` are the columns of a file without a header. With ``header`` the first line names them: then ``needed``
    must be among them; a file that begins without one is read as ``names`` if these are as many as its fields.
    Quotes are read as RFC 4180 has them, unless ``quoted`` is false.
    """

    def __init__(
        self,
        path: Path,
        delimiter: str,
        *,
        names: Sequence[str] = (),
        header: bool = False,
        needed: Sequence[str] = (),
        quoted: bool = True,
    ) -> None:
        self.path, self.bad = path, Bad()
        self._delimiter, self._names, self._header, self._needed, self._quoted = (
            delimiter, tuple(names), header, tuple(needed), quoted,
        )  # fmt: skip
        self._long: list[int] = []
        try:
            self._size = path.stat().st_size
        except OSError as error:
            raise Refused(
                [Problem("data", str(path), f"it must be a file that can be read ({error.strerror})")]
            ) from None
        if not path.is_file():
            raise Refused([Problem("data", str(path), "it must be a file")])
        self._raw: IO[bytes] | None = None

    @property
    def share(self) -> float:
        """How much of the file has been read, 0 to 1."""
        if self._raw is None or self._raw.closed or not self._size:
            return 1.0
        return min(1.0, self._raw.tell() / self._size)

    def blocks(self, most: int = BLOCK) -> Iterator[Block]:
        """The good lines in their order; `Refused` for a file without the columns that are needed, or broken gzip."""
        self._raw = raw = open(self.path, "rb")  # noqa: SIM115  (the share is told while it is open)
        try:
            binary = gzip.GzipFile(fileobj=raw) if self.path.suffix == ".gz" else raw
            text = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="replace", newline="")
            yield from self._blocks(text, most)
        except (EOFError, gzip.BadGzipFile) as error:
            raise Refused([Problem("data", str(self.path), f"it must be whole gzip ({error})")]) from None
        finally:
            raw.close()

    def _blocks(self, text: IO[str], most: int) -> Iterator[Block]:
        reader = csv.reader(
            self._bounded(text),
            delimiter=self._delimiter,
            quoting=csv.QUOTE_MINIMAL if self._quoted else csv.QUOTE_NONE,
        )
        names: tuple[str, ...] = () if self._header else self._names
        numbers: list[int] = []
        fields: list[list[str]] = []
        for line, found in _read(reader, self.bad, self._long):
            if not names:
                names = self._named(found)
                if names == tuple(found):
                    continue
            if len(found) != len(names):
                self.bad.add(line, f"{len(found)} fields, there must be {len(names)}")
                continue
            numbers.append(line)
            fields.append(found)
            if len(fields) == most:
                yield _block(numbers, names, fields)
                numbers, fields = [], []
        if fields:
            yield _block(numbers, names, fields)

    def _named(self, first: list[str]) -> tuple[str, ...]:
        missing = [name for name in self._needed if name not in first]
        if not missing and len(set(first)) == len(first):
            return tuple(first)
        if missing and self._names and len(first) == len(self._names):
            return self._names
        allowed = f"its header must have each of {', '.join(self._needed)} once"
        raise Refused([Problem(f"{self.path}: line 1", self._delimiter.join(first)[:200], allowed)])

    def _bounded(self, text: IO[str]) -> Iterator[str]:
        """Lines, with an empty one for each that is too long, so that the numbers stay right."""
        number = 0
        while line := text.readline(LONGEST):
            number += 1
            if len(line) == LONGEST and line[-1] != "\n":
                while (rest := text.readline(LONGEST)) and rest[-1] != "\n":
                    pass
                self._long.append(number)
                line = "\n"
            yield line


def _block(numbers: list[int], names: tuple[str, ...], fields: list[list[str]]) -> Block:
    return Block(numbers, dict(zip(names, zip(*fields, strict=True), strict=True)))


def _read(reader: Any, bad: Bad, long: list[int]) -> Iterator[tuple[int, list[str]]]:
    """Fields by line; lines that are none are told, and those in ``long``, which were left out before."""
    while True:
        try:
            found = next(reader, None)
        except csv.Error as error:
            bad.add(reader.line_num, str(error))
            continue
        for line in long:
            bad.add(line, f"it is longer than {LONGEST} characters")
        long.clear()
        if found is None:
            return
        if found:
            yield reader.line_num, found
