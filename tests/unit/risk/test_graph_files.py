"""Files of edges and labels: every line is read as the careful parser reads it, or told by its number."""

import random
from pathlib import Path

import pytest

from domain.errors import Refused
from risk.graph_files import LABELS, read_file
from risk.graph_kinds import ACCOUNT, DEVICE, IP, OTHER, PHONE, parse_node
from risk.graph_lines import read_block

IFA = "ifa:6D92078A-8246-4BA4-AE5B-76104861E7DC"
HASH = "5eb63bbbe01eeed093cb22bb8f5acdc3" * 2
EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines))
    return path


def test_edges_labels_comments_and_what_is_written_in_other_ways(tmp_path: Path) -> None:
    file = written(
        tmp_path / "edges.csv",
        "# who was seen where",
        f"{IFA},ip:203.0.113.9\r",
        f"{IFA.lower()}, ip:2001:DB8::1",
        "",
        f'account:7,"phone_sha256:{HASH}"',
        "key:00000000000000ff,fraud",
        "account:7,good",
        "email:Ana@example.org,account:7",
        "account:7 , unknown",
    )
    found = read_file(file)
    ifa, phone, account = parse_node(IFA), parse_node(f"phone_sha256:{HASH}"), parse_node("account:7")
    assert (ifa.kind, phone.kind, account.kind) == (DEVICE, PHONE, ACCOUNT)
    assert found.edges.tolist() == [
        (ifa.key, parse_node("ip:203.0.113.9").key, DEVICE, IP),
        (ifa.key, parse_node("ip:2001:db8::1").key, DEVICE, IP),
        (account.key, phone.key, ACCOUNT, PHONE),
        (parse_node("email:ana@example.org").key, account.key, 4, ACCOUNT),
    ]
    assert found.labels.tolist() == [(255, OTHER, 1), (account.key, ACCOUNT, -1), (account.key, ACCOUNT, 0)]
    assert (found.lines, found.problems) == (7, [])


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("account:1", "has 1 fields"),
        ("account:1,account:2,account:3", "has 3 fields"),
        ("account:1,maybe", "a label is fraud, good or unknown"),
        ("account:1,account:1", "between two nodes"),
        (f"{IFA},{IFA.lower()}", "between two nodes"),
        ("account:1,ip:203.0.113.0/24", "a range is no node"),
        ("account:1,ip:203.0.113.256", "192.0.2.1"),
        ("account:1,ifa:00000000-0000-0000-0000-000000000000", "opted out"),
        (f"account:1,phone_sha256:{EMPTY_HASH}", "empty text"),
        ("key:0000000000000000,good", "not all 0"),
        ("nobody:1,account:1", "a person is written"),
    ],
)
def test_a_bad_line_is_told_by_number_and_the_others_count(tmp_path: Path, line: str, wrong: str) -> None:
    found = read_file(written(tmp_path / "edges.csv", "account:1,account:2", line, "account:2,account:3"))
    assert len(found.edges) == 2
    (problem,) = found.problems
    assert "line 2" in problem.path
    assert wrong in problem.allowed


def test_a_file_of_another_format_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        read_file(written(tmp_path / "edges.csv", *(["what is this?"] * 200)))
    with pytest.raises(Refused, match="must be a file that can be read"):
        read_file(tmp_path)


def test_the_compiled_reader_takes_only_what_the_careful_parser_takes_and_alike() -> None:
    """Lines made of pieces that are almost right; what is not plain is handed over whole."""
    rng = random.Random(5)
    words = ["ifa:", "IDFA:", "aaid:", "oaid:", "device:", "cookie:", "account:", "key:", "ip:", "phone_sha256:", "ip"]
    values = [
        "6D92078A-8246-4BA4-AE5B-76104861E7DC", "00-00", "0", "a_b-C", "+4912345678", "a@b.cd", "1.2.3.4", "01.2.3.4",
        "1.2.3", "1.2.3.4.5", "256.1.1.1", "0.0.0.0", "1..2.3", "ffffffffffffffff", "FFFFFFFFFFFFFFF", "0" * 16, HASH,
        HASH.upper(), HASH[1:], EMPTY_HASH, EMPTY_HASH.upper(), "", " ", "ä", "x" * 90, "::1", "a.b", "a:b",
    ]  # fmt: skip
    taken = 0
    for _ in range(3_000):
        one, other = (rng.choice(words) + rng.choice(values) for _ in range(2))
        line = f"{one},{rng.choice([other, other, other, *LABELS])}{rng.choice(['', chr(13)])}"
        edges, edge_lines, labels, label_lines, odd, lines = read_block(line.encode(), 7)
        assert len(edges) + len(labels) + len(odd) == lines == 1
        if odd:
            assert odd == [(7, line.encode())]
            continue
        taken += 1
        said = line.rstrip("\r").partition(",")[2]
        node = parse_node(one)
        if said in LABELS:
            assert (labels.tolist(), label_lines.tolist()) == ([(*node, LABELS[said])], [7])
        else:
            second = parse_node(said)
            assert edges.tolist() == [(node.key, second.key, node.kind, second.kind)]
            assert edge_lines.tolist() == [7]
    assert taken > 300
