"""Points of a score, 300 to 900: so many at certain odds, and so many more where the odds of repaying double."""

from math import log

import numpy as np
from msgspec import Struct

from credit.columns import Floats
from domain.errors import Problem, Refused

LEAST, MOST = 300, 900


class Scale(Struct, frozen=True, forbid_unknown_fields=True):
    """600 points are odds of 20 to 1 for repaying; 40 points double them."""

    base_points: float = 600.0
    base_odds: float = 20.0
    pdo: float = 40.0

    @property
    def per_log_odds(self) -> float:
        """Points of a unit of log odds."""
        return self.pdo / log(2)

    def exact(self, log_odds: Floats) -> Floats:
        """Points of log odds of default, not rounded and without ends."""
        return self.base_points - self.per_log_odds * (log_odds + log(self.base_odds))

    def points(self, log_odds: Floats) -> Floats:
        """Whole points within 300 and 900, of log odds of default."""
        return np.clip(np.rint(self.exact(log_odds)), LEAST, MOST)


def scale(base_points: float, base_odds: float, pdo: float) -> Scale:
    """Raises Refused for what makes no scale."""
    problems = []
    if not LEAST <= base_points <= MOST:
        problems.append(Problem("--base-points", base_points, f"{LEAST} to {MOST}"))
    if not 0.01 <= base_odds <= 10_000:
        problems.append(Problem("--base-odds", base_odds, "0.01 to 10000"))
    if not 5 <= pdo <= 200:
        problems.append(Problem("--pdo", pdo, "5 to 200"))
    if problems:
        raise Refused(problems)
    return Scale(base_points, base_odds, pdo)
