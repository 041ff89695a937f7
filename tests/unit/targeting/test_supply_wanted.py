"""Which files are wanted, from a list and from the bidders' log."""

from pathlib import Path

import pytest

from domain.errors import Refused
from domain.events import Name, encode
from eventlog.writer import LogWriter
from targeting.supply_refresh import Wanted
from targeting.supply_wanted import LoggedSites, is_site, read_wanted


def test_a_list(tmp_path: Path) -> None:
    path = tmp_path / "wanted.txt"
    path.write_text(
        "\ufeffNews.example\n\n# remark\napp com.dev.game dev.example # it\napp other.example\nsystem ssp.example\n"
    )
    assert read_wanted(path) == Wanted(
        frozenset({"news.example"}),
        frozenset({("com.dev.game", "dev.example"), ("", "other.example")}),
        frozenset({"ssp.example"}),
    )


def test_bad_lines_are_named(tmp_path: Path) -> None:
    path = tmp_path / "wanted.txt"
    path.write_text("news.example\nnot a line\nlocalhost\nsystem a b.example\n")
    with pytest.raises(Refused) as refused:
        read_wanted(path)
    assert [(p.path.rpartition(" ")[2], p.value) for p in refused.value.problems] == [
        ("2", "not a line"), ("3", "localhost"), ("4", "system a b.example"),
    ]  # fmt: skip
    with pytest.raises(Refused):
        read_wanted(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("name", "site"),
    [("news.example", True), ("www.news.co.uk", True), ("com.dev.game", False), ("284882215", False), ("co.uk", False),
     ("site-17", False), ("air.com.dev.game", False)],
)  # fmt: skip
def test_bundles_are_no_sites(name: str, site: bool) -> None:
    assert is_site(name) is site


async def test_sites_of_the_log_and_those_that_come_later(tmp_path: Path) -> None:
    logged = LoggedSites(tmp_path)
    assert logged.read() == Wanted()
    for slot, name in enumerate(("news.example", "com.dev.game", "blog.example")):
        writer = LogWriter(tmp_path / str(slot), sync_s=0.01)
        writer.append(encode(Name("site", 1, name)))
        writer.close()
        assert ("blog.example" in logged.read().sites) == (slot == 2)
    assert logged.read().sites == {"news.example", "blog.example"}
