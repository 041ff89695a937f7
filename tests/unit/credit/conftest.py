"""One small model for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import main
from credit import challenger
from credit.challenger import TreeSettings
from credit.model import CreditModel
from tests.credit_sets import german

ROWS = 700


@pytest.fixture(scope="session", autouse=True)
def few_trees() -> Iterator[None]:
    """What is tested does not depend on how many there are, and they take the time."""
    few = TreeSettings(leaves=4, least_rows=15, trees=50, learning_rate=0.15, repeats=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(challenger, "candidates", lambda rows: (few,))
        yield


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file, its model trained by the command line, and other applicants of the same kind."""
    path = tmp_path_factory.mktemp("credit")
    german(ROWS).write(path / "german.csv", ";")
    german(ROWS, seed=11).write(path / "later.csv", ";")
    assert main(["credit", "train", str(path / "german.csv"), "--target", "class", "--out", str(path / "model")]) == 0
    return path


@pytest.fixture(scope="session")
def model(folder: Path) -> CreditModel:
    return CreditModel.load(folder / "model")
