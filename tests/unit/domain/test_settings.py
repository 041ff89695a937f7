"""Settings: the file, the environment above it, and refusals that name what is wrong."""

from pathlib import Path

import msgspec
import pytest

from domain.settings import Places, SettingsError, load, places


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    share: float = 0.5


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int = 1
    names: tuple[str, ...] = ()
    span: tuple[float, float] = (1.0, 2.0)
    part: Part = Part()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_file_the_defaults_apply() -> None:
    assert load("example", Example) == Example()
    assert places() == Places()


def test_the_environment_is_above_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("outbid.toml").write_text('[example]\nnumber = 2\nnames = ["a"]\n[example.part]\nshare = 0.25\n')
    monkeypatch.setenv("OUTBID_EXAMPLE_NUMBER", "3")
    assert load("example", Example) == Example(number=3, names=("a",), part=Part(0.25))


def test_the_file_may_be_anywhere_but_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Path("outbid.toml").write_text("[example]\nnumber = 2\n")
    (tmp_path / "other.toml").write_text("[example]\nnumber = 9\n")
    monkeypatch.setenv("OUTBID_CONFIG", str(tmp_path / "other.toml"))
    assert load("example", Example).number == 9
    monkeypatch.setenv("OUTBID_CONFIG", "missing.toml")
    with pytest.raises(SettingsError, match=r"OUTBID_CONFIG names 'missing\.toml', which does not exist"):
        load("example", Example)


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("NAMES", "10.0.0.0/8, ::1", Example(names=("10.0.0.0/8", "::1"))),
        ("NAMES", '["a, b"]', Example(names=("a, b",))),
        ("NAMES", "", Example()),
        ("SPAN", "0.5,3", Example(span=(0.5, 3.0))),
        ("PART", '{"share": 0.75}', Example(part=Part(0.75))),
    ],
)
def test_lists_and_tables_in_the_environment(
    variable: str, text: str, expected: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"OUTBID_EXAMPLE_{variable}", text)
    assert load("example", Example) == expected


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('[example]\nnumber = "two"\n', r"\[example\].*\$\.number"),
        ("[example]\nnumbr = 2\n", r"\[example\].*numbr"),
        ("[example]\npart = {share = true}\n", r"\[example\].*\$\.part\.share"),
        ("[example\n", r"outbid\.toml"),
    ],
)
def test_a_mistake_in_the_file_is_named(content: str, named: str) -> None:
    Path("outbid.toml").write_text(content)
    with pytest.raises(SettingsError, match=named):
        load("example", Example)


@pytest.mark.parametrize(("variable", "text"), [("NUMBER", "many"), ("SPAN", "1"), ("PART", "{"), ("NAMES", "[1")])
def test_a_mistake_in_the_environment_is_named(variable: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"OUTBID_EXAMPLE_{variable}", text)
    with pytest.raises(SettingsError, match=rf"\[example\].*\$\.{variable.lower()}"):
        load("example", Example)


def test_addresses_follow_from_the_ports() -> None:
    here = Places(host="10.1.2.3", tracker_port=99, public_url="https://t.example.com/")
    assert here.tracker_base == "https://t.example.com"
    assert here.control_base == "http://10.1.2.3:8082"
    assert Places(tracker_port=99).tracker_base == "http://127.0.0.1:99"
