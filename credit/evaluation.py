"""What a saved credit model is worth on a file of rows with outcomes."""

import numpy as np
from msgspec import Struct
from scipy.special import expit

from credit.artefact import SCORECARD
from credit.columns import Floats
from credit.memory import keys, recalled
from credit.model import CreditModel
from credit.table import Table
from domain.errors import Problem, Refused
from prediction.metrics import measure


class Figures(Struct, frozen=True):
    """Of one of the two models."""

    auc: float
    ks: float
    ece: float
    logloss: float
    brier: float
    mean_pd: float


class Evaluated(Struct, frozen=True):
    """Figures of the model in service, and of both."""

    rows: int
    auc: float
    ks: float
    ece: float
    ece_null: float
    """What chance alone would make of perfect probabilities, 19 times in 20."""
    gini: float
    logloss: float
    brier: float
    base_rate: float
    mean_pd: float
    psi: float
    """Of the scores against those of training."""
    model: str
    """Which of the two makes scores."""
    out_of_fold: int
    """Rows that the model has learnt from; they are judged by what the folds said that did not have them."""
    left_out: int
    """Rows without an outcome."""
    missing_columns: tuple[str, ...]
    intervals: dict[str, tuple[float, float]]
    boosted: Figures
    scorecard: Figures


def evaluate(model: CreditModel, table: Table, *, in_sample: bool = False) -> Evaluated:
    """``in_sample``: rows of training are scored as any others.

    Raises:
        Refused: The target is missing, only one outcome occurs, or the file has none of the model's columns.
    """
    facts = model.facts
    target = facts.schema.target
    table = renamed(model, table)
    if target not in table.columns:
        raise Refused(
            [Problem("--data", target, f"a column with the outcome, among {', '.join(list(table.columns)[:20])}")]
        )
    missing = facts.schema.missing_columns(table)
    if len(missing) == len(facts.schema.plans):
        raise Refused([Problem("--data", missing[0], "at least one of the model's columns must be there")])
    marks = facts.outcome.labels(table.columns[target])
    known = ~np.isnan(marks)
    rows, label = table.picked(known), marks[known]
    if not len(label) or not 0 < label.mean() < 1:
        told = ", ".join(table.columns[target].levels[:8])
        allowed = f"both outcomes: {', '.join(facts.outcome.bad[:4])} (bad) and {', '.join(facts.outcome.good[:4])}"
        raise Refused([Problem(f"--data, {target}", told, allowed)])
    columns = model.columns_of(rows)
    values = model.features(columns)
    boosted, card = model.boosted_log_odds(values), model.scorecard_log_odds(values)
    seen = np.zeros(len(label), np.bool_)
    if not in_sample:
        known_rows = model.whole.memory
        seen, at = recalled(known_rows, keys(facts.schema, columns, label))
        boosted = np.where(seen, known_rows.boosted[at] if len(known_rows.keys) else 0.0, boosted)
        card = np.where(seen, known_rows.scorecard[at] if len(known_rows.keys) else 0.0, card)
    z = card if facts.served == SCORECARD else boosted
    pd = expit(z)
    found = measure(label, pd)
    return Evaluated(
        rows=len(label),
        auc=found.auc,
        ks=found.ks,
        ece=found.ece,
        ece_null=found.ece_null,
        gini=2 * found.auc - 1,
        logloss=found.logloss,
        brier=_brier(label, pd),
        base_rate=found.base_rate,
        mean_pd=float(pd.mean()),
        psi=facts.spread.index(facts.scale.points(z)),
        model=facts.served,
        out_of_fold=int(seen.sum()),
        left_out=table.rows - len(label),
        missing_columns=tuple(missing),
        intervals=found.intervals,
        boosted=_figures(label, expit(boosted)),
        scorecard=_figures(label, expit(card)),
    )


def renamed(model: CreditModel, table: Table) -> Table:
    """Columns whose names differ from the model's in case, blanks and punctuation only are taken for them."""
    wanted = {_plain(name): name for name in sorted(model.facts.schema.known)}
    columns = {}
    for name, column in table.columns.items():
        known = wanted.get(_plain(name), name)
        columns[name if name in model.facts.schema.known or known in table.columns else known] = column
    return table._replace(columns=columns)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _figures(label: Floats, pd: Floats) -> Figures:
    found = measure(label, pd, resamples=0)
    return Figures(found.auc, found.ks, found.ece, found.logloss, _brier(label, pd), float(pd.mean()))


def _brier(label: Floats, pd: Floats) -> float:
    return float(((pd - label) ** 2).mean())
