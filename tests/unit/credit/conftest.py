"""One small model for all tests of this folder."""

from pathlib import Path

import pytest

from cli.main import main
from credit.model import CreditModel
from tests.credit_sets import german

ROWS = 700


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
