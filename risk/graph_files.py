"""Edges and labels from a file: CSV lines ``NODE,NODE`` and ``NODE,LABEL``, streamed, so that a file may have millions.

A node is written ``KIND:VALUE``, as `targeting.identity_keys` has it; a label is ``fraud``, ``good`` or ``unknown``.
Empty lines and lines beginning with ``#`` are passed over. Good lines count whatever the others are like; a file that
was loaded can be loaded again.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused
from risk.graph_kinds import Node, parse_node
from risk.graph_lines import read_block
from risk.graph_records import EDGE, LABEL, Entries
from targeting.identity_keys import shown

LABELS = {"fraud": 1, "good": -1, "unknown": 0}
FORM = "a line is NODE,NODE or NODE,LABEL; a label is fraud, good or unknown"
MAX_PROBLEMS = 100
"""A file of another format altogether is given up after so many bad lines."""
BLOCK = 4 << 20
"""Bytes read at a time."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Progress = Callable[[int], None]
"""Called now and then with the bytes read so far."""


@dataclass
class FileContent:
    """What a file says."""

    lines: int = 0
    """That say something, bad ones among them."""
    edges: Entries = field(default_factory=lambda: np.empty(0, EDGE))
    labels: Entries = field(default_factory=lambda: np.empty(0, LABEL))
    problems: list[Problem] = field(default_factory=list)
    """Bad lines, by number."""


def read_file(path: Path, progress: Progress = lambda read: None) -> FileContent:
    """The edges and labels of a file. Raises `Refused` if it cannot be read, or has `MAX_PROBLEMS` bad lines."""
    content, number = FileContent(), 1
    edges, labels = [content.edges], [content.labels]
    try:
        with path.open("rb") as file:
            read = len(BYTE_ORDER_MARK) if file.read(len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK else 0
            file.seek(read)
            while block := file.read(BLOCK):
                block += file.readline()
                read += len(block)
                of_edges, of_labels, lines = _read_block(path, block, number, content)
                edges.append(of_edges)
                labels.append(of_labels)
                number += lines
                progress(read)
    except OSError as error:
        raise Refused([Problem(str(path), error.strerror, "it must be a file that can be read")]) from None
    content.edges, content.labels = np.concatenate(edges), np.concatenate(labels)
    return content


def _read_block(path: Path, block: bytes, number: int, content: FileContent) -> tuple[Entries, Entries, int]:
    """Edges and labels in order, and how many lines there are."""
    edges, edge_lines, labels, label_lines, odd, lines = read_block(block, number)
    content.lines += len(edges) + len(labels)
    more_edges, more_labels = list[tuple[int, tuple[int, ...]]](), list[tuple[int, tuple[int, ...]]]()
    for at, raw in odd:
        line = raw.strip()
        if not line or line.startswith(b"#"):
            continue
        content.lines += 1
        try:
            node, said = _parse(line.decode())
        except ValueError as error:  # UnicodeDecodeError is one
            content.problems.append(Problem(f"{path}, line {at}", _shown(line), str(error)))
            if len(content.problems) >= MAX_PROBLEMS:
                raise Refused(content.problems) from None
            continue
        if isinstance(said, Node):
            more_edges.append((at, (node.key, said.key, node.kind, said.kind)))
        else:
            more_labels.append((at, (node.key, node.kind, said)))
    return _in_order(edges, edge_lines, more_edges), _in_order(labels, label_lines, more_labels), lines


def _in_order(entries: Entries, lines: NDArray[np.int64], more: list[tuple[int, tuple[int, ...]]]) -> Entries:
    if not more:
        return entries
    numbers = np.concatenate([lines, np.array([number for number, _ in more], np.int64)])
    together = np.concatenate([entries, np.array([entry for _, entry in more], entries.dtype)])
    return together[np.argsort(numbers)]


def _parse(line: str) -> tuple[Node, Node | int]:
    one, said = _fields(line)
    node = parse_node(one)
    if said in LABELS:
        return node, LABELS[said]
    if ":" not in said:
        raise ValueError(FORM)
    other = parse_node(said)
    if node.key == other.key:
        raise ValueError("an edge is between two nodes")
    return node, other


def _fields(line: str) -> tuple[str, str]:
    if '"' not in line:
        fields = line.split(",")
    else:
        try:
            (fields,) = csv.reader([line], strict=True)
        except csv.Error as error:
            raise ValueError(f"{FORM}: {error}") from None
    if len(fields) != 2:
        raise ValueError(f"{FORM}, and this one has {len(fields)} fields")
    return fields[0].strip(), fields[1].strip()


def _shown(line: bytes) -> str:
    """Field by field as much as may be shown."""
    return ",".join(shown(text.strip()) for text in line.decode(errors="replace").split(",")[:3])
