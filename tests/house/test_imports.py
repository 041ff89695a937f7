"""The shape of the house: which folder may import which, and what the parts that check each other must not share."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FOLDERS = (
    "cli",
    "simulator",
    "bidder",
    "trackers",
    "campaigns",
    "reporting",
    "credit",
    "risk",
    "pacing",
    "prediction",
    "targeting",
    "eventlog",
    "openrtb",
    "api",
    "monitoring",
    "domain",
    "cython_ext",
)
"""From top to bottom: a folder imports only folders below it."""

CYTHON_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import|c?import\s+([\w.]+))", re.MULTILINE)


def imports(path: Path) -> Iterator[str]:
    """Dotted names of the modules that a source file imports, at its top or inside a function."""
    text = path.read_text()
    if path.suffix in (".pyx", ".pxd"):
        for match in CYTHON_IMPORT.finditer(text):
            yield match[1] or match[2]
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written from the root"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources(folder: str) -> list[Path]:
    return [path for kind in ("*.py", "*.pyi", "*.pyx", "*.pxd") for path in (ROOT / folder).rglob(kind)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_only_folders_below_it(folder: str) -> None:
    allowed = {folder, *FOLDERS[FOLDERS.index(folder) + 1 :]}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(folder)
        for name in imports(path)
        if (top := name.split(".")[0]) in FOLDERS and top not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def test_the_exchange_keeps_books_of_its_own() -> None:
    """The simulator's books are worth something only as long as no code of Outbid's accounting computes them."""
    shared = {"pacing", "openrtb", "reporting", "eventlog", "trackers", "bidder", "campaigns"}
    allowed = {"domain", "domain.clock", "domain.keys", "domain.settings", "domain.errors"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources("simulator")
        for name in imports(path)
        if (top := name.split(".")[0]) in shared or (top == "domain" and ".".join(name.split(".")[:2]) not in allowed)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_folder_is_packaged() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert {".".join(path.parent.relative_to(ROOT).parts) for path in files} == listed


def test_the_services_of_lenders_stand_alone() -> None:
    """A lender runs risk and credit without a bidder: they import nothing of buying ads."""
    buying = {"bidder", "campaigns", "reporting", "trackers", "pacing", "simulator"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for folder in ("risk", "credit", "api")
        for path in sources(folder)
        for name in imports(path)
        if name.split(".")[0] in buying
    ]
    assert not wrong, "\n".join(wrong)
