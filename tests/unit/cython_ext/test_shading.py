"""Landscapes as they are put together: contexts within contexts, and what is refused."""

import numpy as np
import pytest

from cython_ext.shading import Landscape

PRICES, WINS = [1e5, 2e5, 1e5, 3e5], [0.5, 1.0, 0.1, 0.9]
CURVES = [(0, 0, 2), (2, 2, 2)]


def test_the_narrowest_context_that_is_known() -> None:
    """An unknown value stops it, even if what follows is known elsewhere."""
    made = Landscape(PRICES, WINS, CURVES, [(0, 5, 1), (1, 6, 2)])
    values = np.array([[5, 6], [5, 7], [8, 6], [0, 0]], np.uint32)
    assert made.contexts(values).tolist() == [2, 1, 0, 0]
    assert len(made) == 3


def test_nothing_known_is_not_shaded() -> None:
    made = Landscape([], [], np.zeros((0, 3)), np.zeros((0, 3)), 0.5)
    nothing, value, floor = np.zeros(1, np.uint32), np.array([900], np.int64), np.array([100], np.int64)
    assert made.shade(nothing, value, floor, value).tolist() == [900]
    assert made.win_rates(nothing, value).tolist() == [1.0]
    price, chance = made.stray(nothing, value, value, floor, value, np.zeros(1, np.uint64))
    assert (price.tolist(), chance.tolist()) == ([900], [1.0])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ((PRICES, WINS, [(0, 0, 3)], []), "prices"),
        ((PRICES, [0.5, 0.4, 0.1, 0.9], CURVES, []), "wins"),
        ((PRICES, [0.5, 1.5, 0.1, 0.9], CURVES, []), "wins"),
        (([float("nan"), 2e5], [0.5, 1.0], [(0, 0, 2)], []), "prices"),
        ((PRICES, [0.5, float("nan"), 0.1, 0.9], CURVES, []), "wins"),
        ((PRICES, WINS, [(3, 0, 2)], []), "curves"),
        ((PRICES, WINS, [(0, -1, 2)], []), "curves"),
        ((PRICES, WINS, [(0, 0, 0)], []), "curves"),
        ((PRICES, WINS, CURVES, [(0, 5, 3)]), "children"),
        ((PRICES, WINS, CURVES, [(2, 5, 1)]), "children"),
        ((PRICES, WINS, CURVES, [(0, 5, 1)], 1.0), "strays"),
    ],
)
def test_what_is_no_landscape_is_refused(given: tuple[object, ...], named: str) -> None:
    prices, wins, curves, children, *rest = given
    shaped = np.array(children, np.uint32).reshape(-1, 3)
    with pytest.raises(ValueError, match=f"^{named}"):
        Landscape(prices, wins, curves, shaped, *rest)  # type: ignore[arg-type]


def test_a_context_that_there_is_not() -> None:
    made = Landscape(PRICES, WINS, CURVES, [(0, 5, 1)])
    with pytest.raises(ValueError, match="context 3"):
        made.win_rates(np.array([3], np.uint32), np.array([1], np.int64))
