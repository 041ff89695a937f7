"""Which settings are tried for a model: those that suit so many rows. Held-out rows say which is kept."""

import os
from typing import Literal, get_args

from prediction.fitting.blend import MemberSettings
from prediction.fitting.columns import EncodingSettings, ExpansionSettings
from prediction.fitting.factorization import FactorizationSettings
from prediction.fitting.linear import LinearSettings
from prediction.fitting.trees import TreesSettings

Kind = Literal["lr", "ffm", "trees", "blend"]
KINDS: tuple[Kind, ...] = get_args(Kind)

FEW, SOME = 200_000, 2_000_000
"""Rows below which several settings are tried; rows below which trees are small."""
FACTORS_PAY = 20_000
"""Rows from which on a factorization machine is in a blend: with fewer it knows nothing that the others do not."""

Alternative = tuple[MemberSettings, ...]
"""Members that are alike but for what chance begins with."""
Choice = tuple[Alternative, ...]
"""Of which one is kept."""


def choices(kind: Kind, rows: int, seed: int) -> tuple[Choice, ...]:
    """What is tried for each of the kinds that a model is made of."""
    made = {"lr": _linear, "ffm": _factorization, "trees": _trees}
    if kind == "blend":
        kinds = ("lr", "ffm", "trees") if rows >= FACTORS_PAY else ("lr", "trees")
        return tuple(made[part](rows, seed) for part in kinds)
    return (made[kind](rows, seed),)


def _linear(rows: int, seed: int) -> Choice:
    """Numbers in coarse and fine buckets at once: a few rows place the coarse ones, many the fine ones."""
    if rows >= FEW:
        places = ExpansionSettings(bits=22, buckets=64, levels=(8,), least=4)
        return ((LinearSettings("ftrl", expansion=places, seed=seed),),)
    places = ExpansionSettings(bits=18, buckets=64, levels=(3, 6, 12, 24), least=3)
    return tuple(
        (LinearSettings("ftrl", expansion=places, alpha=alpha, passes=passes, runs=3, seed=seed),)
        for alpha, passes in ((0.01, 10), (0.02, 5), (0.05, 5), (0.1, 3))
    )


def _factorization(rows: int, seed: int) -> Choice:
    if rows >= FEW:
        places = ExpansionSettings(bits=22, buckets=32, least=8)
        return ((FactorizationSettings(expansion=places, l2=2e-5 if rows >= SOME else 1e-4, seed=seed),),)
    places = ExpansionSettings(bits=18, buckets=16, least=4)
    return tuple((FactorizationSettings(expansion=places, l2=l2, seed=seed),) for l2 in (2e-2, 5e-3))


def _trees(rows: int, seed: int) -> Choice:
    """Few rows: three forests, each with an encoding of its own, because how rows fall into folds matters there."""
    if rows >= FEW:
        shape = TreesSettings(
            trees=200,
            leaves=63 if rows >= SOME else 31,
            learning_rate=0.08,
            least_rows=100,
            column_share=0.5,
            seed=seed,
            threads=os.cpu_count() or 1,
        )
        return ((shape,),)
    return tuple(
        tuple(
            TreesSettings(
                EncodingSettings("categories", seed=seed + number),
                trees=trees, leaves=leaves, learning_rate=rate, least_rows=40, l2=5.0, column_share=0.2,
                seed=seed + number,
            )
            for number in range(3)
        )
        for leaves, rate, trees in ((4, 0.05, 250), (7, 0.03, 300), (15, 0.03, 150))
    )  # fmt: skip
