"""Files of edges and labels: every line is read as the careful parser reads it, or told by its number."""

from pathlib import Path

import pytest

from domain.errors import Refused
from risk.graph_files import read_file
from risk.graph_kinds import ACCOUNT, DEVICE, IP, OTHER, PHONE, parse_node

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
