"""How long tests of robustness run: as long as the other tests, or, by ``make soak``, until nothing is left to try."""

import os
from pathlib import Path

SOAK = os.environ.get("SOAK") == "1"
CAPTURES = Path(os.environ.get("CAPTURES") or Path(__file__).parents[2] / "shared" / "data" / "openrtb")
"""A folder of captured bid requests (``*.json``), which the battery of strangers posts too. None is here."""
