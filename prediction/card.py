"""A model's card: what it has learnt from, how good and how well calibrated it is, for whom, and what it must not use.

It lies beside the model, as Markdown with pictures as files, and as one page of HTML with the pictures in it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from domain.clock import SECOND
from prediction.artefact import Description
from prediction.calibration import Calibration
from prediction.metrics import Interval, Metrics, measure, middle
from prediction.plots import Plot, histogram_plot, lift_plot, number, reliability_plot, roc_plot
from prediction.ranking import Floats, checked, grouped
from prediction.reliability import reliability

MARKDOWN, PAGE = "card.md", "card.html"
MOST_SEGMENTS = 20
"""Of each feature those with the most rows are told."""
DECILES = 10

USE = (
    "To price bids for advertising impressions, and to rank the candidates of a bid request, on the exchanges and for "
    "the advertisers it was trained on.",
    "Not to decide about a person outside of that: not on credit, prices of goods, employment, housing or insurance.",
    "Campaigns of a special category are scored with the protected features missing, whatever the request tells.",
)


class Table(Struct, frozen=True):
    """A heading and rows of text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Part(Struct, frozen=True):
    """A section: text, tables, pictures."""

    title: str
    text: tuple[str, ...] = ()
    table: Table | None = None
    plot: Plot | None = None


def files(
    description: Description,
    label: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    segments: Mapping[str, NDArray[np.uint32]] | None = None,
    names: Mapping[str, Mapping[int, str]] | None = None,
    calibration: Calibration | None = None,
    compared: Mapping[str, Interval] | None = None,
    use: Sequence[str] = USE,
    seed: int = 0,
) -> dict[str, bytes]:
    """The card of a model as files for `artefact.save`: `MARKDOWN`, `PAGE`, and the plots as SVG.

    Args:
        label, score, weight: Held-out rows with the model's probabilities.
        segments: Values by which calibration is told apart; ``names`` of them, where they have one.
        calibration: What was fitted, if the model is calibrated.
        compared: Differences to the live model (`comparison.paired`).
        use: What it is meant for.

    Raises:
        Refused: As `metrics.measure`.
    """
    rows = checked(label, score, weight)
    found = measure(*rows, seed=seed)
    groups = grouped(rows)
    plots = (
        reliability_plot(reliability(*rows)),
        roc_plot(groups, found.auc),
        histogram_plot(groups),
        lift_plot(reliability(*rows, bins=DECILES), found.base_rate),
    )
    parts = [
        Part("What it is", _identity(description)),
        Part("Intended use", tuple(use)),
        Part("Data", table=_data(description)),
        Part("Metrics", _said(found), _metrics(found, compared or {})),
        *(Part(plot.title, (plot.description,), Table(plot.columns, plot.rows), plot) for plot in plots),
    ]
    for name, values in (segments or {}).items():
        told = _by_segment(rows.label, rows.score, rows.weight, values, (names or {}).get(name, {}), seed)
        parts.append(Part(f"Calibration by {name}", ("The most frequent, on held-out rows.",), told))
    if calibration is not None:
        parts.append(Part("How it was calibrated", _calibrated(calibration)))
    parts += _features(description)
    title = f"Model {description.target}, version {description.version}"
    return {
        MARKDOWN: _markdown(title, parts).encode(),
        PAGE: page(title, parts).encode(),
        **{f"{plot.name}.svg": plot.svg.encode() for plot in plots},
    }


def _identity(told: Description) -> tuple[str, ...]:
    return (
        f"It predicts {told.target}. Version {told.version}, made {_time(told.created_ns)}.",
        *(f"{name}: {value}" for name, value in told.notes.items() if isinstance(value, str | int | float)),
    )


def _data(told: Description) -> Table:
    data = told.trained_on
    span = f"{_time(data.first_ns)} to {_time(data.last_ns)}" if data.last_ns else "not told"
    rate = number(data.positives / data.rows) if data.rows else "none"
    return Table(
        ("", ""),
        (("source", data.source), ("rows", f"{data.rows:,}"), ("base rate", rate), ("span", span)),
    )


def _said(found: Metrics) -> tuple[str, ...]:
    verdict = "within" if found.calibrated else "beyond"
    return (
        f"On {found.rows:,} held-out rows. The expected calibration error is {verdict} what chance alone would make of "
        f"perfect probabilities ({number(found.ece_null)}).",
    )


def _metrics(found: Metrics, compared: Mapping[str, Interval]) -> Table:
    names = {
        "base_rate": "base rate", "auc": "AUC", "logloss": "log loss", "normalised_entropy": "normalised entropy",
        "ece": "expected calibration error", "bias": "said / came", "ks": "KS",
    }  # fmt: skip
    rows = []
    for key, name in names.items():
        low, high = found.intervals.get(key, (None, None))
        interval = "" if low is None or high is None else f"{number(low)} to {number(high)}"
        gain = compared.get(key)
        than = f"{gain.value:+.4g} ({gain.low:+.4g} to {gain.high:+.4g})" if gain else ""
        rows.append((name, number(getattr(found, key)), interval, than))
    columns = ("metric", "value", "95 % interval", "against the live model")
    return Table(columns, tuple(rows)) if compared else Table(columns[:3], tuple(row[:3] for row in rows))


def _by_segment(
    label: Floats, score: Floats, weight: Floats, values: NDArray[np.uint32], names: Mapping[int, str], seed: int
) -> Table:
    kinds, place = np.unique(values, return_inverse=True)
    place = place.ravel()
    rng, made = np.random.default_rng(seed), []
    for number_of in np.argsort(-np.bincount(place), kind="stable")[:MOST_SEGMENTS].tolist():
        rows = place == number_of
        y, p, w = label[rows], score[rows], weight[rows]
        came = float((w * y).sum())
        interval = "no positives"
        if came > 0:
            drawn = rng.poisson(came**2 / float((w * w * y).sum()), 400) / (came**2 / float((w * w * y).sum()))
            low, high = middle(float((w * p).sum()) / came / np.maximum(drawn, 1e-3))
            interval = f"{number(float((w * p).sum()) / came)} ({number(low)} to {number(high)})"
        kind = int(kinds[number_of])
        mean = float((w * p).sum() / w.sum())
        made.append((names.get(kind, str(kind)), f"{len(y):,}", number(mean), number(came / float(w.sum())), interval))
    return Table(("segment", "rows", "mean score", "rate", "said / came"), tuple(made))


def _calibrated(made: Calibration) -> tuple[str, ...]:
    losses = ", ".join(f"{name} {number(loss)}" for name, loss in made.losses.items())
    told = [f"Method: {made.method}" + (f" (log loss on folds held out: {losses})." if losses else ".")]
    for level in made.levels:
        spread = np.sqrt(level.height_variance)
        told.append(
            f"By {' and '.join(level.features)}: {len(level.segments)} segments, which differ by a factor of "
            f"{np.exp(spread):.2f} either way; {sum(each.pooled < 0.5 for each in level.segments)} go mainly by their "
            "own rows."
        )
    return tuple(told)


def _features(told: Description) -> list[Part]:
    if told.feature_set is None:
        return []
    features = told.feature_set
    rows = tuple(
        (each.name, each.kind, each.part, "yes" if each.protected else "", each.doc) for each in features.features
    )
    protected = [each.name for each in features.features if each.protected]
    text = f"Protected: {', '.join(protected)}." if protected else "None is protected."
    crosses = [f"Crosses: {', '.join(' × '.join(pair) for pair in features.crosses)}."] if features.crosses else []
    columns = ("feature", "kind", "part", "protected", "what it is")
    title = f"Features: {features.name}, version {features.version}"
    return [Part(title, (text, *crosses), Table(columns, rows))]


def _markdown(title: str, parts: Sequence[Part]) -> str:
    lines = [f"# {title}", ""]
    for part in parts:
        lines += [f"## {part.title}", ""]
        for text in part.text:
            lines += [_plain(text), ""]
        if part.plot:
            lines += [f"![{part.plot.title}]({part.plot.name}.svg)", ""]
        if part.table:
            rows = [part.table.columns, tuple("---" for _ in part.table.columns), *part.table.rows]
            lines += [f"| {' | '.join(_plain(cell) for cell in row)} |" for row in rows]
            lines.append("")
    return "\n".join(lines)


def page(title: str, parts: Sequence[Part]) -> str:
    """Sections as one page of HTML, with the pictures in it."""
    told = [
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        '<meta name="viewport" content="width=device-width"><style>body{font:15px/1.5 sans-serif;max-width:60rem;',
        "margin:2rem auto;padding:0 1rem;color:#222}table{border-collapse:collapse;margin:.5rem 0}td,th{",
        "border:1px solid #bbb;padding:.2rem .6rem;text-align:left}figure{margin:0;max-width:36rem}",
        "svg{width:100%;height:auto}</style>",
        f"</head><body><main><h1>{escape(title)}</h1>",
    ]
    for part in parts:
        told.append(f"<section><h2>{escape(part.title)}</h2>")
        told += [f"<p>{escape(text)}</p>" for text in part.text]
        if part.plot:
            told.append(f"<figure>{part.plot.svg}</figure>")
        if part.table:
            told.append("<table>")
            if any(part.table.columns):
                heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in part.table.columns)
                told.append(f"<thead><tr>{heads}</tr></thead>")
            cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in part.table.rows)
            told += ["<tbody>", *(f"<tr>{row}</tr>" for row in cells), "</tbody></table>"]
        told.append("</section>")
    return "".join([*told, "</main></body></html>\n"])


def _plain(text: str) -> str:
    """As text of Markdown and of a cell of its tables, whatever is in it."""
    for special in "\\|*_`<>[]#":
        text = text.replace(special, f"\\{special}")
    return text.replace("\n", " ")


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns / SECOND, UTC).strftime("%Y-%m-%d %H:%M UTC")
