"""Every setting, no-bid reason and event field is documented, and nothing is documented that is not there."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard, get_args

import msgspec
import pytest

from domain import events
from monitoring.page import Family
from monitoring.rules import BUILT_IN
from openrtb.nobid import NoBidReason
from reporting import catalogue

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

ROW = re.compile(r"^\| `([^`]+)` \| (.*?) \|", re.MULTILINE)
"""First two cells of a table's row whose first cell is code."""


LINK = re.compile(r"\]\(([^)\s]+)\)")


def section(text: str, heading: str) -> str:
    """The text under a heading, up to the next heading of the same or a higher level."""
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{level}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no heading {heading!r}"
    return found[1]


def python_files() -> Iterator[Path]:
    for path in ROOT.glob("*/**/*.py"):
        top = path.relative_to(ROOT).parts[0]
        if not top.startswith(".") and top not in ("build", "tests", "bench", "var"):
            yield path


def settings() -> dict[str, type[msgspec.Struct]]:
    """Sections by name, found where they are loaded: ``load("section", Kind)``."""
    sections = {}
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Name(id="load") | ast.Attribute(attr="load"),
                    args=[ast.Constant(value=str(name)), ast.Name(id=kind)],
                ):
                    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
                    sections[name] = getattr(module, kind)
    return sections


def parts(heading: str, kind: type[msgspec.Struct]) -> Iterator[tuple[str, dict[str, str]]]:
    """A section and those within it, as the documentation heads them, with the default of each setting in JSON."""
    table = {}
    for field in msgspec.structs.fields(kind):
        default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        inner = [part for part in (field.type, *get_args(field.type)) if is_struct(part)]
        if inner:
            one = "[{}.{}]" if inner[0] is field.type else "[[{}.{}]]"
            yield from parts(one.format(heading.strip("[]"), field.name), inner[0])
        elif default is msgspec.NODEFAULT:
            table[field.name] = "required"
        else:
            table[field.name] = f"`{msgspec.json.encode(default).decode()}`"
    yield heading, table


def is_struct(kind: object) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


SETTINGS = settings()
PARTS = {heading: table for name, kind in SETTINGS.items() for heading, table in parts(f"[{name}]", kind)}


def test_settings_are_found() -> None:
    assert SETTINGS.keys() >= {"outbid", "control", "reporting"}


@pytest.mark.parametrize("heading", sorted(PARTS))
def test_every_setting_is_documented_with_its_default(heading: str) -> None:
    rows = ROW.findall(section((DOCS / "configuration.md").read_text(), f"## `{heading}`"))
    assert dict(rows) == PARTS[heading]


def test_no_section_is_documented_that_is_not_read() -> None:
    written = re.findall(r"^## `(\[.+\])`$", (DOCS / "configuration.md").read_text(), re.MULTILINE)
    assert sorted(written) == sorted(PARTS)


def test_every_variable_of_the_environment_is_documented() -> None:
    sections = "|".join(name.upper() for name in SETTINGS)
    named = {
        name
        for path in [*python_files(), ROOT / "setup.py"]
        for name in re.findall(r"[\"'](OUTBID_[A-Z_]+)[\"']", path.read_text())
        if not re.match(rf"OUTBID_({sections})_", name)
    }
    text = (DOCS / "configuration.md").read_text()
    assert named
    assert not {name for name in named if f"`{name}`" not in text}


def test_every_no_bid_reason_is_documented_in_its_words() -> None:
    rows = re.findall(r"^\| `\d+` .*$", (DOCS / "no-bid-reasons.md").read_text(), re.MULTILINE)
    assert rows == [f"| `{reason.value}` | `{reason.name}` | {reason.text} |" for reason in NoBidReason]


RECORDS = [events.Bid, events.NoBid, events.Name, events.Notice, events.Conversion, events.Visit]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_event_field_is_documented_in_its_order(record: type[msgspec.Struct]) -> None:
    text = section((DOCS / "events.md").read_text(), f"## {record.__name__}")
    assert [name for name, _ in ROW.findall(text)] == [field.name for field in msgspec.structs.fields(record)]


def metric_families() -> dict[str, Family]:
    """All that any process declares, by name."""
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in ROOT.glob("*/metrics.py")
        if path.parent.name != "prediction"  # those are of models, not of processes
    ]
    pages = [importlib.import_module(name).FAMILIES for name in modules]
    assert len(pages) >= 5
    return {family.name: family for page in pages for family in page}


def test_every_metric_is_documented_in_its_words() -> None:
    text = (DOCS / "metrics.md").read_text()
    rows = re.findall(r"^\| `(outbid_\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    declared = [
        (name, family.kind, ", ".join(f"`{label}`" for label in family.labels), family.help)
        for name, family in metric_families().items()
    ]
    assert sorted(rows) == sorted(declared)


PROCESSES = ("bidder", "tracker", "control", "reporter", "watcher", "risk", "credit")


def test_metrics_are_named_by_the_rules() -> None:
    """Prometheus' own: counters end in _total, and units are base units."""
    for name, family in metric_families().items():
        assert re.fullmatch(rf"outbid_({'|'.join(PROCESSES)}|process)_[a-z0-9_]+", name), name
        assert name.endswith("_total") == (family.kind == "counter"), name
        assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|percent)(_|$)", name), name
        assert family.help.endswith("."), name


def test_every_dimension_and_metric_of_reports_is_documented() -> None:
    text = (DOCS / "reports.md").read_text()
    documented = dict(ROW.findall(section(text, "## Dimensions"))), dict(ROW.findall(section(text, "## Metrics")))
    assert documented[0] == {name: each.meaning for name, each in catalogue.DIMENSIONS.items()}
    assert documented[1] == {name: each.meaning for name, each in catalogue.METRICS.items()}


def test_no_merge_was_left_half_done() -> None:
    pages = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(ROOT / "examples").rglob("*.yaml")]
    left = [page.name for page in pages if re.search(r"^(<<<<<<< |=======$|>>>>>>> )", page.read_text(), re.MULTILINE)]
    assert not left


def test_every_page_is_in_the_index() -> None:
    linked = set(LINK.findall((DOCS / "index.md").read_text()))
    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} <= linked


PAGES = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(ROOT / "deploy").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    local = [link for link in LINK.findall(page.read_text()) if not re.match(r"[a-z]+:", link)]
    assert not [link for link in local if not (page.parent / link.partition("#")[0]).exists()]


def test_every_record_is_documented() -> None:
    assert set(RECORDS) == set(events.Event.__args__)


@pytest.mark.parametrize("flags", [events.Kind, events.Mark])
def test_every_kind_and_mark_is_documented(flags: type[events.Kind] | type[events.Mark]) -> None:
    text = section((DOCS / "events.md").read_text(), f"## {flags.__name__}")
    assert dict(ROW.findall(text)) == {flag.name: str(flag.value) for flag in flags}


def test_every_built_in_alert_rule_is_documented_and_asks_for_metrics_that_there_are() -> None:
    text = section((DOCS / "operations.md").read_text(), "### Rules")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", text, re.MULTILINE)
    assert rows == [(rule.name, rule.severity, rule.summary) for rule in BUILT_IN]
    families = metric_families()
    for rule in BUILT_IN:
        for name in filter(None, (rule.metric, rule.per, rule.only_if)):
            assert (rule.read != "value") == (families[name].kind == "counter"), rule.name
        labels = {"instance", "worker", *families[rule.metric].labels}
        assert labels >= {*rule.by, *rule.where}, rule.name
