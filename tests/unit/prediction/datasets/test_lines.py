"""Files of lines: what is good comes out in order, what is bad is told by its number, and memory does not grow."""

import gzip
import tracemalloc
from pathlib import Path

import pytest

from domain.errors import Refused
from prediction.datasets.lines import BAD_NAMED, LONGEST, Lines


def told(lines: Lines, most: int = 3) -> list[tuple[int, str, str]]:
    return [
        (number, a, b)
        for block in lines.blocks(most)
        for number, a, b in zip(block.numbers, block["a"], block["b"], strict=True)
    ]


def test_bad_lines_are_named_and_the_numbers_of_the_others_stay_right(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(
        b'\xef\xbb\xbfa,b\r\n1,2\r\n\r\nonly one\n3,"x, y"\n4,5,6\n' + b"7," + b"z" * LONGEST + b"\n8,\xff\n"
    )
    lines = Lines(path, ",", header=True, needed=("b", "a"))
    assert told(lines) == [(2, "1", "2"), (5, "3", "x, y"), (8, "8", "�")]
    assert lines.bad.count == 3
    assert [reason.split(":")[0] for reason in lines.bad.first] == ["line 4", "line 6", "line 7"]
    assert lines.share == 1.0
    path.write_text("a,b\n" + "1\n" * 50)
    many = Lines(path, ",", header=True)
    assert told(many) == [] and many.bad.count == 50 and len(many.bad.first) == BAD_NAMED


def test_a_file_without_a_header_or_with_another_order(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv.gz"
    path.write_bytes(gzip.compress(b'1\t"2\n3\t4\n'))
    assert told(Lines(path, "\t", names=("a", "b"), quoted=False)) == [(1, "1", '"2'), (2, "3", "4")]
    assert told(Lines(path, "\t", names=("a", "b"), header=True, needed=("a", "b"), quoted=False)) == [
        (1, "1", '"2'), (2, "3", "4"),
    ]  # fmt: skip
    path.write_bytes(gzip.compress(b"b\tc\ta\n1\t2\t3\n"))
    assert told(Lines(path, "\t", names=("a", "b"), header=True, needed=("a", "b"))) == [(2, "3", "1")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", b"a,c\n1,2\n", "line 1"),
        ("x.csv", b"a,b,a\n1,2,3\n", "line 1"),
        ("x.csv.gz", b"a,b\n1,2\n", "whole gzip"),
        ("x.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 9999)[:40], "whole gzip"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Refused, match=said):
        told(Lines(path, ",", header=True, needed=("a", "b")))
    for missing in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(Refused, match="it must be a file"):
            Lines(missing, ",")


def test_memory_is_that_of_a_block(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "".join(f"{n},{n * 7919}\n" for n in range(20_000)))
    lines, seen = Lines(path, ",", header=True), 0
    tracemalloc.start()
    for block in lines.blocks(200):
        seen += len(block)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen == 20_000 and peak < 400_000
