"""The tables of docs/risk-scores.md: facts and published cards. ``python -m risk.score_page`` writes them anew."""

from pathlib import Path

from risk.cards import NAMES
from risk.inputs import FACTS
from risk.published import definition, published

PAGE = Path(__file__).parents[1] / "docs/risk-scores.md"
END = "<!-- end -->"


def page(text: str) -> str:
    """The page with its tables as they must be."""
    return _put(_put(text, "<!-- facts -->", facts()), "<!-- cards -->", cards())


def facts() -> str:
    lines = ["| fact | what it is | read by |", "|---|---|---|"]
    for name, fact in FACTS.items():
        readers = [score for score in NAMES if name in published(score).facts]
        most = "0 or 1" if fact.flag else (f"0 to {fact.most:g}" if fact.most < 1e9 else "")
        told = fact.doc + (f" ({most})" if most else "")
        lines.append(f"| `{name}` | {told} | {', '.join(readers) or 'flows, and cards of one’s own'} |")
    return "\n".join(lines)


def cards() -> str:
    made = []
    for name in NAMES:
        told, card = definition(name), published(name).card()
        share = card.kind == "probability"
        made += [f"### {told.title} (`{name}`)", "", told.about, "", f"Version {told.version}, {told.kind}."]
        if share:
            made[-1] += f" Base: {card.base:.1%}."
        made[-1] += f" Calibration: {told.calibration}"
        made += ["", f"| fact | way | steps: from, {'share' if share else 'points'} | missing |", "|---|---|---|---|"]
        for fact, steps in card.facts.items():
            way = "rising" if steps.rising else "falling"
            shown = ", ".join(f"{start:g}: **{_amount(much, share)}**" for start, much in steps.steps)
            made.append(f"| `{fact}` | {way} | {shown} | {_amount(steps.missing, share)} |")
        made.append("")
    return "\n".join(made).rstrip()


def _amount(much: float, share: bool) -> str:
    return f"{100 * much:g} %" if share else f"{much:g}"


def _put(text: str, mark: str, table: str) -> str:
    before, _, rest = text.partition(mark)
    after = rest[rest.index(END) :]
    return f"{before}{mark}\n\n{table}\n\n{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
