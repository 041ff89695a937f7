"""Trees as scikit-learn and LightGBM keep them, as the flat nodes of `cython_ext.forest`.

Thresholds become float32, which is what rows have: a number is at most a threshold exactly if it is at most the largest
float32 that is not above it. A node that sends what is missing to its left asks for the negated number, of which the
negated next float32 is the threshold: what is at most that goes right, all else left. A threshold beyond all numbers,
as both libraries have it where they split what is missing from what is not, sends all numbers left, infinite ones too.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from cython_ext.forest import Forest

LARGEST = float(np.finfo(np.float32).max)


class Split(msgspec.Struct, frozen=True, eq=False):
    """A node that is no leaf."""

    column: int
    threshold: float
    missing_left: bool
    left: Any
    right: Any


Look = Callable[[Any], "Split | float"]
"""What a node is, of a tree in its library's own form: a split, or a leaf's value."""


class _Nodes:
    def __init__(self, n_columns: int) -> None:
        self.n_columns = n_columns
        self.sizes: list[int] = []
        self.asked: list[int] = []
        self.thresholds: list[np.float32] = []
        self.ahead: list[int] = []
        self.leaves: list[float] = []

    def add(self, root: Any, look: Look) -> None:
        """A tree, level by level."""
        start = len(self.leaves)
        waiting = deque([root])
        end = start + 1  # where the next children go
        while waiting:
            node = look(waiting.popleft())
            while isinstance(node, Split) and node.missing_left and node.threshold >= LARGEST:
                node = look(node.left)  # all goes there
            if not isinstance(node, Split):
                self._put(0, np.float32(0), 0, node)
                continue
            threshold = rounded_down(node.threshold)
            here = len(self.leaves)
            if node.missing_left:
                above = -np.nextafter(threshold, np.float32(np.inf), dtype=np.float32)
                self._put(self.n_columns + node.column, above, end - here, 0.0)
                waiting += (node.right, node.left)
            else:
                self._put(node.column, threshold, end - here, 0.0)
                waiting += (node.left, node.right)
            end += 2
        self.sizes.append(end - start)

    def _put(self, asked: int, threshold: np.float32, ahead: int, leaf: float) -> None:
        self.asked.append(asked)
        self.thresholds.append(threshold)
        self.ahead.append(ahead)
        self.leaves.append(leaf)


def rounded_down(threshold: float) -> np.float32:
    """The largest float32 that is not above, of the finite ones: they are all that a forest compares."""
    if not -LARGEST < threshold < LARGEST:
        if np.isnan(threshold):
            raise ValueError(f"a threshold of {threshold} cannot be converted")
        return np.float32(LARGEST if threshold > 0 else -LARGEST)
    near = np.float32(threshold)
    return near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf), dtype=np.float32)


def flattened(n_columns: int, trees: Sequence[Any], look: Callable[[Any], Look]) -> Forest:
    """``look(tree)`` gives a function from a node of it (the root: None) to what the node is."""
    nodes = _Nodes(n_columns)
    for tree in trees:
        nodes.add(None, look(tree))
    return Forest(n_columns, nodes.sizes, nodes.asked, nodes.thresholds, nodes.ahead, nodes.leaves)


def from_hist_gradient_boosting(model: Any, n_columns: int, columns: Sequence[int]) -> tuple[Forest, float]:
    """Of a fitted binary HistGradientBoostingClassifier: forest, bias. Feature i is column ``columns[i]`` of a row.

    Raises ValueError for a model with several classes or categorical splits.
    """
    if model.n_trees_per_iteration_ != 1:
        raise ValueError(f"a model with {model.n_trees_per_iteration_} trees an iteration cannot be converted")

    def look(tree: Any) -> Look:
        kept = tree.nodes

        def node(place: Any) -> Split | float:
            told = kept[0 if place is None else place]
            if told["is_leaf"]:
                return float(told["value"])
            if told["is_categorical"]:
                raise ValueError("a categorical split cannot be converted")
            column = columns[int(told["feature_idx"])]
            left, right = int(told["left"]), int(told["right"])
            return Split(column, float(told["num_threshold"]), bool(told["missing_go_to_left"]), left, right)

        return node

    forest = flattened(n_columns, [iteration[0] for iteration in model._predictors], look)
    return forest, float(np.ravel(model._baseline_prediction)[0])


def from_lightgbm(booster: Any, n_columns: int, columns: Sequence[int]) -> tuple[Forest, float]:
    """Of a trained binary LightGBM booster: forest, bias. Feature i is column ``columns[i]`` of a row.

    Raises ValueError for another objective, categorical splits, linear leaves and zeros that count as missing.
    """
    told = booster.dump_model()
    if told["objective"].split() != ["binary", "sigmoid:1"] or told["average_output"]:
        raise ValueError(f"a model of objective {told['objective']!r} cannot be converted")

    def look(tree: Any) -> Look:
        def node(place: Any) -> Split | float:
            of = tree["tree_structure"] if place is None else place
            if "leaf_value" in of:
                if "leaf_coeff" in of:
                    raise ValueError("a linear leaf cannot be converted")
                return float(of["leaf_value"])
            if of["decision_type"] != "<=" or of["missing_type"] == "Zero":
                raise ValueError(f"a split {of['decision_type']!r}, missing {of['missing_type']!r} cannot be converted")
            # without missing values in training it takes those that come for 0
            left = of["default_left"] if of["missing_type"] == "NaN" else of["threshold"] >= 0
            column, threshold = columns[of["split_feature"]], float(of["threshold"])
            return Split(column, threshold, left, of["left_child"], of["right_child"])

        return node

    return flattened(n_columns, told["tree_info"], look), 0.0
