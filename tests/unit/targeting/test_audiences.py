"""Audience files: what is taken, and how a bad line is named."""

from pathlib import Path

import pytest

from domain.errors import Refused
from domain.naming import person_key
from targeting.audiences import MAX_PROBLEMS, import_audience, read_audience
from targeting.people import Change
from targeting.profiles import ProfileStore


def test_a_file_as_people_write_them(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbf# visitors of June\r\n\r\nuser:usx:u1\r\n user:usx:u2 \n#user:usx:u3\nuser:usx:u1")
    assert read_audience(path) == {person_key("user", "u1", "usx"), person_key("user", "u2", "usx")}


def test_bad_lines_are_refused_by_number_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"user:usx:u1\nnobody\n# a remark\nuser:usx:\xff\n")
    with pytest.raises(Refused) as refused:
        read_audience(path)
    assert [problem.path for problem in refused.value.problems] == [f"{path}, line 2", f"{path}, line 4"]
    assert refused.value.problems[0].value == "nobody"
    assert "ifa:VALUE" in refused.value.problems[0].allowed


def test_no_address_and_no_number_is_quoted_from_a_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    bad = ["Ann.Doe@example.com", "email:Ann.Doe", "phone:0171 5550123", "0171 5550123", "user:Ann.Doe@example.com:1"]
    path.write_text("\n".join(bad))
    with pytest.raises(Refused) as refused:
        read_audience(path, exchanges={"usx"})
    assert len(refused.value.problems) == 5
    assert "Doe" not in str(refused.value) and "555" not in str(refused.value)


def test_another_kind_of_file_is_given_up_soon(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("nobody\n" * (MAX_PROBLEMS * 3))
    with pytest.raises(Refused) as refused:
        read_audience(path)
    assert len(refused.value.problems) == MAX_PROBLEMS


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"no\.txt: 'No such file or directory'"):
        read_audience(tmp_path / "no.txt")


def test_a_refused_file_leaves_the_audience_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        path.write_text("user:usx:u1\nuser:usx:u2\n")
        assert import_audience(store, 5, path) == Change(added=2, removed=0, size=2)
        path.write_text("user:usx:u3\nnobody\n")
        with pytest.raises(Refused):
            import_audience(store, 5, path)
        assert set(store.members(5)) == {person_key("user", name, "usx") for name in ("u1", "u2")}
