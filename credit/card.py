"""A credit model's card: what it has learnt from, how good and how well calibrated it is, the scorecard line by line,
whom it approves less often, how stable it is. As Markdown with pictures beside it, and as one page of HTML.
"""

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from scipy.special import expit

from credit import fairness, reasons, stability
from credit.artefact import BOOSTED
from credit.columns import Floats
from credit.fairness import FOUR_FIFTHS, SHARES, SHOWN_SHARE, Group
from credit.model import CreditModel, Values
from credit.points import LEAST, MOST
from credit.training import FOLDS, Judged, Trained, in_service
from prediction.card import DECILES, MARKDOWN, PAGE, Part, Table, markdown, page
from prediction.plots import Plot, histogram_plot, lift_plot, number, reliability_plot, roc_plot
from prediction.ranking import checked, grouped
from prediction.reliability import reliability

SHOWN_STAND_INS = 12
USE = (
    "To say how likely applicants like those of its training are to default, to rank them, and to price bids for them.",
    "It does not decide alone: who is refused credit is told the reasons, and may have a person look at it.",
    "It knows only people who were granted credit, unless the data has rejected ones too (see reject inference).",
)


def files(trained: Trained, notes: tuple[str, ...] = ()) -> dict[str, bytes]:
    """The card as files for `artefact.save`. ``notes`` are said at the top."""
    model = in_service(trained)
    facts, served = model.facts, trained.served
    columns = model.columns_of(trained.table)
    values = model.features(columns)
    score = facts.scale.points(served.log_odds)
    pd = expit(served.log_odds)
    parts = [
        Part("What it is", (*notes, *_identity(trained))),
        Part("Intended use", USE),
        Part("Data", _data_text(trained), _data(trained)),
        Part(
            "Metrics",
            (f"Out of fold: each row is judged by models that have not learnt from it ({FOLDS} folds).",),
            _metrics(trained),
        ),
        *(Part(plot.title, (plot.description,), Table(plot.columns, plot.rows), plot) for plot in _plots(trained, pd)),
        Part("Points", _scale_text(model), _scores(score, trained.label)),
        *_adverse(trained, model, values, score, pd),
        Part("Stability", *_stability(trained, model, values, score)),
        Part("Scorecard", _scorecard_text(model), _scorecard(model)),
        Part("Columns", ("What the models read of an applicant.",), _columns(model)),
        Part("Features made of columns", (), _derived(model)),
        Part("Columns that are not used", (), _left(model)),
    ]
    title = f"Credit model, version {facts.version}"
    made = {MARKDOWN: markdown(title, parts).encode(), PAGE: page(title, parts).encode()}
    return made | {f"{part.plot.name}.svg": part.plot.svg.encode() for part in parts if part.plot}


def _identity(trained: Trained) -> tuple[str, ...]:
    facts = trained.model.facts
    made = datetime.fromtimestamp(facts.version, UTC).strftime("%Y-%m-%d %H:%M UTC")
    settings = trained.settings
    other = (
        "the boosted trees are kept as the challenger" if facts.served != BOOSTED else "the scorecard is kept beside"
    )
    calibrated = (
        "left as they are, for no curve made them better"
        if trained.calibration == "none"
        else f"calibrated by {trained.calibration}"
    )
    return (
        f"Probability of default and a score of {LEAST} to {MOST} points. Version {facts.version}, made {made}.",
        f"Scores are made by the {'boosted trees' if facts.served == BOOSTED else 'scorecard'}; {other}.",
        f"Trees: {len(trained.model.challenger.forest.sizes)} of at most {settings.leaves} leaves, learning rate "
        f"{settings.learning_rate:g}, {calibrated}. Scorecard: "
        f"{len(facts.scorecard.characteristics)} characteristics, monotone in every number, calibrated by a line.",
    )


def _data_text(trained: Trained) -> tuple[str, ...]:
    facts = trained.model.facts
    told = [
        f"Target {facts.schema.target}: {', '.join(facts.outcome.bad[:6])} is default, "
        f"{', '.join(facts.outcome.good[:6])} is repaid ({facts.outcome.how})."
    ]
    told += [
        f"{name} orders the rows as the outcome does (AUC {area:.3f}): written after the outcome? Then leave it out."
        for name, area in trained.suspects
    ]
    return tuple(told)


def _data(trained: Trained) -> Table:
    facts = trained.model.facts
    protected = ", ".join(f"{name} ({of})" for name, of in facts.schema.protected.items()) or "none found or named"
    return Table(
        ("", ""),
        (
            ("source", facts.source),
            ("rows", f"{facts.rows:,}"),
            ("default rate", number(facts.bad / facts.rows)),
            ("rows left out, without an outcome", f"{trained.left_rows:,}"),
            ("protected columns, out of the model", protected),
        ),
    )


def _metrics(trained: Trained) -> Table:
    def told(name: str, judged: Judged) -> tuple[str, ...]:
        found = judged.metrics
        low, high = found.intervals["auc"]
        ks_low, ks_high = found.intervals["ks"]
        folds = f"{np.mean(judged.by_fold):.4f} ± {np.std(judged.by_fold, ddof=1):.4f}"
        return (
            name,
            f"{found.auc:.4f} ({low:.4f} to {high:.4f})",
            folds,
            f"{found.ks:.4f} ({ks_low:.4f} to {ks_high:.4f})",
            f"{found.ece:.4f} (chance alone: up to {found.ece_null:.4f})",
            number(found.logloss),
        )

    columns = ("model", "AUC", "AUC by fold", "KS", "calibration error", "log loss")
    return Table(columns, (told("boosted trees", trained.boosted), told("scorecard", trained.scorecard)))


def _plots(trained: Trained, pd: Floats) -> tuple[Plot, ...]:
    rows = checked(trained.label, pd, trained.weight)
    groups, found = grouped(rows), trained.served.metrics
    return (
        reliability_plot(reliability(*rows)),
        roc_plot(groups, found.auc),
        histogram_plot(groups),
        lift_plot(reliability(*rows, bins=DECILES), found.base_rate),
    )


def _scale_text(model: CreditModel) -> tuple[str, ...]:
    scale, approval = model.facts.scale, model.facts.approval
    rests = "assumed" if approval.assumed else f"from {approval.approved} approvals, {approval.rejected} rejections"
    return (
        f"{scale.base_points:g} points are odds of {scale.base_odds:g} to 1 for repaying (a probability of default of "
        f"{1 / (1 + scale.base_odds):.2%}); {scale.pdo:g} more double the odds. Scores end at {LEAST} and {MOST}.",
        f"P(approved) is a half at {approval.middle:.0f} points; log odds rise by {approval.slope:.2f} in 40 points "
        f"({rests}).",
    )


def _scores(score: Floats, label: Floats) -> Table:
    edges = np.unique(np.quantile(score, np.linspace(0, 1, DECILES + 1), method="nearest"))
    rows = []
    for low, high in pairwise(edges):
        inside = (score >= low) & ((score < high) | (high == edges[-1]))
        if inside.any():
            end = high if high == edges[-1] else high - 1
            good = float((1 - label[inside]).sum())
            bad = float(label[inside].sum())
            odds = f"{good / bad:.1f}" if bad else "no default"
            rows.append((f"{low:.0f} to {end:.0f}", f"{inside.sum():,}", number(label[inside].mean()), odds))
    return Table(("score", "rows", "default rate", "good to bad"), tuple(rows))


def _adverse(trained: Trained, model: CreditModel, values: Values, score: Floats, pd: Floats) -> list[Part]:
    protected = model.facts.schema.protected
    title = "Adverse impact"
    if not protected:
        none = "No column with a protected attribute was found or named (--protected): nothing can be said of groups."
        return [Part(title, (none,))]
    found = fairness.groups(trained.table, protected, score, pd, trained.label)
    adverse = [f"{each.column} {each.name}" for each in found if each.adverse]
    verdict = (
        f"Under four fifths: {', '.join(adverse)}." if adverse else "No group with rows enough is under four fifths."
    )
    told = (
        f"Share of each group that a cut-off approving {SHOWN_SHARE:.0%} of all would approve, and its ratio to the "
        f"group approved most often; under {FOUR_FIFTHS:g} is evidence of adverse impact (four-fifths rule). Groups "
        "without rows enough are shown, and not judged.",
        verdict,
    )
    others = [share for share in SHARES if share != SHOWN_SHARE]
    more = tuple(f"ratio, {share:.0%} approved" for share in others)
    columns = (
        "attribute",
        "group",
        "rows",
        "approved",
        "ratio",
        "four fifths",
        *more,
        "default rate",
        "mean PD",
        "AUC",
    )
    parts = [Part(title, told, Table(columns, tuple(_group(each) for each in found)))]
    places = {each.name: each.bins.of(values[each.name]) for each in model.facts.scorecard.characteristics}
    alike = fairness.stand_ins(trained.table, protected, places)[:SHOWN_STAND_INS]
    if alike:
        rows = tuple((each.column, each.protected, f"{each.association:.2f}") for each in alike)
        said = (f"Characteristics that go with a protected column (Cramér's V of {fairness.ASSOCIATED:g} or more).",)
        parts.append(Part("Possible stand-ins", said, Table(("characteristic", "protected", "association"), rows)))
    return parts


def _group(group: Group) -> tuple[str, ...]:
    judged = ("adverse" if group.adverse else "passes") if group.enough else "too few rows"
    others = [ratio for ratio, share in zip(group.ratios, SHARES, strict=True) if share != SHOWN_SHARE]
    return (
        f"{group.attribute} ({group.column})",
        group.name,
        f"{group.rows:,}",
        f"{group.approved:.1%}",
        f"{group.ratio:.3f}",
        judged,
        *(f"{ratio:.3f}" for ratio in others),
        f"{group.bad_rate:.2%}",
        f"{group.mean_pd:.2%}",
        "" if group.auc is None else f"{group.auc:.3f}",
    )


def _stability(trained: Trained, model: CreditModel, values: Values, score: Floats) -> tuple[tuple[str, ...], Table]:
    late = np.arange(len(score)) >= 2 * len(score) // 3
    edges = np.array(model.facts.spread.edges)
    whole = stability.psi(stability.shares(score[~late], edges), stability.shares(score[late], edges))
    rows = [("score", f"{whole:.4f}", stability.verdict(whole))]
    for each in model.facts.scorecard.characteristics:
        index = stability.of_places(each.bins.of(values[each.name]), late)
        rows.append((each.name, f"{index:.4f}", stability.verdict(index)))
    text = (
        "Population stability index of the last third of the file against the rest: what it would be over time, where "
        f"the file is in order of time. Under {stability.LITTLE} no change to speak of, above {stability.MUCH} another "
        "population. `outbid credit evaluate` tells it of other files.",
    )
    return text, Table(("", "index", "verdict"), tuple(rows))


def _scorecard_text(model: CreditModel) -> tuple[str, ...]:
    base = model.facts.scale.exact(np.array([model.facts.scorecard.constant]))[0]
    return (f"A score is {base:.1f} points and those of each characteristic's bin, rounded.",)


def _scorecard(model: CreditModel) -> Table:
    rows = []
    for each in model.facts.scorecard.characteristics:
        plan = model.plans.get(each.name)
        levels = plan.levels if plan is not None and plan.kind == "category" else ()
        for place, woe in enumerate(each.bins.woe):
            count = each.bins.rows[place]
            if not count and place == len(each.bins.woe) - 1:
                continue
            rows.append(
                (
                    reasons.bin_text(each.name, each.bins, place, levels),
                    f"{count:,}",
                    f"{each.bins.bad[place] / count:.2%}" if count else "",
                    f"{-each.coefficient * woe * model.facts.scale.per_log_odds:+.1f}",
                )
            )
    return Table(("characteristic", "rows", "default rate", "points"), tuple(rows))


def _columns(model: CreditModel) -> Table:
    rows = []
    for plan in model.facts.schema.plans:
        if plan.kind == "number":
            span = f"{plan.low:.6g} to {plan.high:.6g}"
        else:
            span = ", ".join(plan.levels[:8]) + (" …" if len(plan.levels) > 8 else "")
        rows.append((plan.name, plan.kind, span, f"{plan.missing:.1%}", str(model.facts.usual[plan.name])))
    return Table(("column", "kind", "values", "missing", "usually"), tuple(rows))


def _derived(model: CreditModel) -> Table:
    rows = tuple((each.name, each.operation, ", ".join(each.inputs)) for each in model.facts.recipe.derived)
    return Table(("feature", "operation", "of"), rows)


def _left(model: CreditModel) -> Table:
    schema = model.facts.schema
    rows = [(name, f"protected: {attribute}") for name, attribute in schema.protected.items()]
    return Table(("column", "why"), (*rows, *((each.name, each.reason) for each in schema.left)))
