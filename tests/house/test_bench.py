"""Every script of `bench/` finds the project's packages, and not a script of the same name that lies beside it."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.mark.parametrize("script", sorted(BENCH.glob("*.py")), ids=lambda script: script.stem)
def test_a_bench_starts(script: Path) -> None:
    """As `python bench/NAME.py` would begin: with the script's own folder first on the path. It is not run."""
    begin = f"import runpy, sys; sys.path[0] = {str(BENCH)!r}; runpy.run_path({str(script)!r}, run_name='looked_at')"
    done = subprocess.run([sys.executable, "-c", begin], capture_output=True, text=True, cwd=BENCH.parent)
    assert done.returncode == 0, done.stderr
