"""The device risk index and the fraud score learnt from clicks and their installs."""

from collections.abc import Callable

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from domain.errors import Problem, Refused
from prediction.metrics import measure
from risk.cards import Card, score_of
from risk.click_rows import COUNTED, ClickRows
from risk.fitting import STRENGTHS, design, merged, steps_of, strengths
from risk.published import published
from risk.shortfall import Band, Clicks, Learnt, bands, learn, scale_of

LEARNABLE = ("device_risk", "fraud")
LEAST_INSTALLS = 30
FOLDS = 5
WARM_UP = 0.1
"""Of the rows, the first: what was before them is not known, so that their counts are too low."""
LEAST_GAIN = 2.0
"""Nats: odds of 7 to 1 that it is not chance."""
NOT_LEARNT = frozenset({"device_age_h"})
"""Facts that a file tells of its own beginning rather than of the device."""


class Judged(Struct, frozen=True):
    """What a card is worth on clicks later than those it was learnt from."""

    learnt_clicks: int
    learnt_installs: int
    """All, of which the card in the end is learnt."""
    clicks: int
    installs: int
    auc: float
    """Chance that a click without an install has a higher score than one with; 0.5 knows nothing."""
    auc_low: float
    auc_high: float
    gain: float
    """By how many nats the shares explain the installs of sources that they were not learnt from better than the apps'
    rates alone; below `LEAST_GAIN` it may be chance."""
    scale: float
    """By what the learnt strengths were multiplied to be right on those sources: the calibration."""
    bands: tuple[Band, ...]


class Trained(Struct, frozen=True):
    """A card and what it is worth; None: it is not shown to be worth anything."""

    card: Card | None
    judged: Judged


def learn_from_clicks(
    rows: ClickRows,
    name: str,
    version: int,
    *,
    test_share: float = 0.3,
    source: str = "clicks",
    progress: Callable[[float], None] = lambda share: None,
) -> Trained:
    """A card for one of `LEARNABLE`: the published one, but for the facts that the clicks tell, which are learnt from
    all rows. It is judged on the newest ``test_share``, by a card that was learnt from the rest.

    Raises Refused: too few installs to learn from, or a score that clicks say nothing of.
    """
    if name not in LEARNABLE:
        raise Refused([Problem("--score", name, f"clicks tell of {' and '.join(LEARNABLE)}")])
    begin = int(len(rows.app) * WARM_UP)
    whole, names = _clicks(rows, name, begin)
    cut = int(len(whole.app) * (1 - test_share))
    older = np.arange(len(whole.app)) < cut
    for part, which in ((older, "the older"), (~older, "the newest")):
        installs = int(whole.installed[part].sum())
        if installs < LEAST_INSTALLS:
            allowed = f"{which} rows must have {LEAST_INSTALLS} installs; all have {int(rows.installed.sum())}"
            raise Refused([Problem("FILE", f"{installs} installs", allowed)])
    fold = (rows.source[begin:] % np.uint64(FOLDS)).astype(np.int64)
    apps = len(rows.apps)
    with threadpool_limits(1, "blas"):  # matrices are so small that threads would only wait for each other
        first, scale, _ = _learnt(whole.take(older), fold[older], apps, lambda share: progress(share / 2))
        judged = _judge(whole.take(~older), first, scale, published(name).base)
        final, scale, gain = _learnt(whole, fold, apps, lambda share: progress(0.5 + share / 2))
    came = int(whole.installed.sum())
    judged = structs.replace(judged, learnt_clicks=len(whole.app), learnt_installs=came, gain=gain, scale=scale)
    if gain < LEAST_GAIN:
        return Trained(None, judged)
    told = published(name)
    highest = dict(zip(names, np.nanmax(rows.facts[begin:, [COUNTED.index(one) for one in names]], 0), strict=True))
    lowest = dict(zip(names, np.nanmin(rows.facts[begin:, [COUNTED.index(one) for one in names]], 0), strict=True))
    learnt = steps_of(final.columns, final.parameters, scale)
    facts = dict(told.facts)
    for one in names:
        steps = merged(learnt.get(one), told.facts[one], float(lowest[one]), float(highest[one]))
        facts.pop(one)
        if steps is not None:
            facts[one] = steps
    card = Card(
        version,
        "probability",
        facts,
        told.base,
        learned={
            "source": source,
            "clicks": len(whole.app),
            "installs": came,
            "facts": ", ".join(column.name for column in final.columns),
            "auc": round(judged.auc, 4),
            "gain_nats": round(gain, 2),
            "scale": round(scale, 3),
        },
    )
    return Trained(card, judged)


def _clicks(rows: ClickRows, name: str, begin: int) -> tuple[Clicks, list[str]]:
    facts = published(name).facts
    names = [one for one in COUNTED if one in facts and one not in NOT_LEARNT]
    values = rows.facts[begin:, [COUNTED.index(one) for one in names]]
    made = design(names, {one: bool(facts[one].rising) for one in names}, values)
    return Clicks(made, rows.installed[begin:], rows.app[begin:]), names


def _learnt(
    clicks: Clicks, fold: NDArray[np.int64], apps: int, progress: Callable[[float], None]
) -> tuple[Learnt, float, float]:
    """The shares, how much of them holds on other sources, and by how much they explain these better."""
    tried: list[tuple[float, float, float]] = []
    steps = (len(STRENGTHS) + 1) * FOLDS
    done = 0
    alone = 0.0
    for penalty in (*STRENGTHS, np.inf):
        strength, expected = np.zeros(len(fold)), np.zeros(len(fold))
        for number in range(FOLDS):
            part = fold == number
            learnt = learn(clicks.take(~part), apps, min(penalty, 1e9))
            strength[part] = strengths(clicks.take(part).design, learnt.parameters)
            expected[part] = learnt.rates[clicks.app[part]]
            done += 1
            progress(done / (steps + 1))
        left = expected * np.exp(-strength)
        loss = float((left - clicks.installed * np.log(np.maximum(left, 1e-12))).sum())
        if penalty == np.inf:
            alone = loss
        else:
            tried.append((loss, penalty, scale_of(clicks.installed, expected, strength)))
    loss, penalty, scale = min(tried)
    return learn(clicks, apps, penalty), scale, alone - loss


def _judge(later: Clicks, learnt: Learnt, scale: float, base: float) -> Judged:
    strength = scale * strengths(later.design, learnt.parameters) - np.log1p(-base)
    told = -np.expm1(-strength)
    score = np.array([score_of(z) for z in np.log(np.expm1(strength)).tolist()], np.int64)
    metrics = measure(1 - later.installed, told, resamples=100)
    low, high = metrics.intervals["auc"]
    found = bands(score, told, learnt.rates[later.app], later.installed)
    return Judged(0, 0, len(score), int(later.installed.sum()), metrics.auc, low, high, 0.0, scale, tuple(found))
