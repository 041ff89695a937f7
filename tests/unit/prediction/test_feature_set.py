"""Feature sets, and values of categories and numbers."""

import numpy as np
import pytest

from prediction.feature_set import MISSING_NUMBER, Feature, FeatureSet, category, number, numbers
from tests import scoring_twin as twin

SITE, SIZE, AGE = (
    Feature("site", "category", "request"),
    Feature("size", "category", "candidate"),
    Feature("age", "number", "request"),
)


def test_columns_by_name() -> None:
    features = FeatureSet("x", 1, (SITE, AGE, SIZE), (("site", "size"), ("age", "site")))
    assert (features.n_shared, features.n_own, features.slot("size")) == (2, 1, 2)
    assert features.pairs() == ((0, 2), (1, 0))
    assert features.kinds().tolist() == [False, True, False]
    with pytest.raises(KeyError, match="'page'"):
        features.slot("page")


def test_what_is_no_feature_set() -> None:
    with pytest.raises(ValueError, match="behind one of the candidate"):
        FeatureSet("x", 1, (SIZE, SITE))
    with pytest.raises(ValueError, match="site twice"):
        FeatureSet("x", 1, (SITE, SITE))
    with pytest.raises(ValueError, match="crosses 'page'"):
        FeatureSet("x", 1, (SITE,), (("site", "page"),))
    with pytest.raises(ValueError, match="0 features"):
        FeatureSet("x", 1, ())


def test_values() -> None:
    assert category(7) == twin.category(7) == category(7 + 2**64)
    assert category("é") == twin.category("é".encode()) == category("é".encode())
    assert category(0) != 0 and category("") != 0 and category("0") != category(0)
    assert number(1.0) == 0x3F800000 and number(0.0) == 0 and number(float("nan")) == MISSING_NUMBER
    assert numbers([1e300, -1e300, -float("nan"), 0.1]).tolist() == [
        twin.bits(float("inf")), twin.bits(-float("inf")), MISSING_NUMBER, twin.bits(0.1)
    ]  # fmt: skip
    assert numbers(np.array([], np.float32)).dtype == np.uint32
