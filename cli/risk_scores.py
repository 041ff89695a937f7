"""``outbid risk train|score|cards``: scores learnt from what came, persons scored for the bid, and the cards in use."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.bars import Bar

if TYPE_CHECKING:
    from prediction.datasets.lines import Bad
    from risk import click_learning, label_learning
    from risk.cards import Card

MOST_ROWS = 20_000_000


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = commands.add_parser(
        "train",
        help="learn scores from clicks and installs, or from facts with outcomes",
        description="Learns cards and writes them to a file that stands before the published ones. FILE has clicks "
        "(ip, app, device, os, channel, click_time, is_attributed), or facts by their names and an outcome.",
    )
    train.add_argument("files", nargs="+", type=Path, metavar="FILE", help="CSV, plain or .gz; in order of time")
    train.add_argument("--score", action="append", metavar="NAME", help="more than once; default: fraud, device_risk")
    train.add_argument("--target", default="fraud", metavar="COLUMN", help="of facts: the outcome (default: fraud)")
    train.add_argument(
        "--decisions",
        action="store_true",
        help="FILE has outcomes (decision_id or reference, outcome) of decisions recorded here",
    )
    train.add_argument("--out", type=Path, metavar="FILE", help="default: cards/all.yaml of the risk service")
    train.add_argument(
        "--test-share", type=float, default=0.3, metavar="SHARE", help="of clicks, the newest: they judge"
    )
    train.add_argument("--seed", type=int, default=1, metavar="N", help="what chance begins with (default: 1)")
    train.add_argument("--most-rows", type=int, default=MOST_ROWS, metavar="N", help="that are held in memory")
    train.add_argument("--json", action="store_true", help="print what was measured as JSON")
    train.set_defaults(run=run_train)
    score = commands.add_parser(
        "score",
        help="score the persons of a file, and write them as a table for the bid",
        description="FILE is a CSV with `ids` (KIND:VALUE, several with spaces between) and, as it likes, ip, "
        "user_agent and facts by their names. What lists, graph and counters know here is used too.",
    )
    score.add_argument("files", nargs="+", type=Path, metavar="FILE")
    score.add_argument("--out", type=Path, required=True, metavar="TABLE", help="replaced at once, when all is scored")
    score.add_argument("--json", action="store_true", help="print what was done as JSON")
    score.set_defaults(run=run_score)
    cards = commands.add_parser("cards", help="the cards in use, or whether a file of cards is right")
    cards.add_argument("file", nargs="?", type=Path, metavar="FILE", help="is it right?")
    cards.add_argument("--institution", default="", metavar="NAME", help="whose; default: everybody's")
    cards.add_argument("--json", action="store_true", help="with every definition")
    cards.set_defaults(run=run_cards)


def run_train(asked: argparse.Namespace) -> int:
    from domain.clock import SECOND, from_env
    from domain.errors import Problem, Refused
    from risk.card_files import ALL, FOLDER, read_cards, write_cards
    from risk.cards import NAMES, OWN_VERSIONS
    from risk.config import directory

    wanted = tuple(dict.fromkeys(asked.score or ("fraud", "device_risk")))
    if unknown := [name for name in wanted if name not in NAMES]:
        raise Refused([Problem("--score", unknown[0], f"one of {', '.join(NAMES)} is")])
    if not 0 < asked.test_share < 1:
        raise Refused([Problem("--test-share", asked.test_share, "it must be between 0 and 1")])
    out = asked.out or directory() / FOLDER / f"{ALL}.yaml"
    kept = {name: own.card for name, own in read_cards(out).items()} if out.exists() else {}
    version = max(from_env().now_ns() // SECOND % 2**32, OWN_VERSIONS)
    clicks = not asked.decisions and _has_clicks(asked.files[0])
    made, bad = (_from_clicks if clicks else _from_labels)(asked, wanted, version)
    write_cards(out, {**kept, **made})
    _tell_bad(bad)
    return 0


def _from_clicks(asked: argparse.Namespace, wanted: tuple[str, ...], version: int) -> "tuple[dict[str, Card], Bad]":
    from risk.click_learning import learn_from_clicks
    from risk.click_rows import read_clicks

    source = ", ".join(path.name for path in asked.files)
    with Bar("read", *wanted) as shown:
        shares = [0.0] * (1 + len(wanted))

        def at(place: int, share: float) -> None:
            shares[place] = share
            shown(*shares)

        rows = read_clicks(asked.files, asked.most_rows, lambda share: at(0, share))
        made = {
            name: learn_from_clicks(
                rows, name, version, test_share=asked.test_share, source=source,
                progress=lambda share, place=place: at(place, share),  # type: ignore[misc]
            )
            for place, name in enumerate(wanted, 1)
        }  # fmt: skip
    if asked.json:
        print(json.dumps({name: _clicks_json(one) for name, one in made.items()}))
    else:
        for name, one in made.items():
            print(_clicks_text(name, one))
    return {name: one.card for name, one in made.items() if one.card is not None}, rows.bad


def _from_labels(asked: argparse.Namespace, wanted: tuple[str, ...], version: int) -> "tuple[dict[str, Card], Bad]":
    from risk.config import directory
    from risk.label_learning import learn_from_labels
    from risk.labelled_rows import read_decisions, read_labelled

    source = ", ".join(path.name for path in asked.files)
    rows = read_decisions(directory(), asked.files) if asked.decisions else read_labelled(asked.files, asked.target)
    if rows.unknown:
        print(f"outbid: {rows.unknown} outcomes are of decisions that are not recorded here", file=sys.stderr)
    made: dict[str, label_learning.Trained] = {}
    with Bar(*wanted) as shown:
        for place, name in enumerate(wanted):

            def at(share: float, place: int = place) -> None:
                shown(*(1.0 if other < place else share if other == place else 0.0 for other in range(len(wanted))))

            made[name] = learn_from_labels(rows, name, version, source=source, seed=asked.seed, progress=at)
    if asked.json:
        print(json.dumps({name: _labels_json(one) for name, one in made.items()}))
    else:
        for name, one in made.items():
            print(_labels_text(name, one))
    return {name: one.card for name, one in made.items()}, rows.bad


def run_score(asked: argparse.Namespace) -> int:
    from domain.clock import SECOND, from_env
    from risk.config import directory
    from risk.engine import Engine
    from risk.people import write_people
    from risk.people_scoring import score_persons

    now_s = from_env().now_ns() // SECOND
    engine = Engine.open(directory())
    try:
        with Bar("scored") as shown:
            found = score_persons(asked.files, engine, now_s, progress=shown)
    finally:
        engine.close()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    write_people(asked.out, found.keys, found.fraud, found.device_risk, found.flags, now_s)
    _tell_bad(found.bad)
    persons = len(set(found.keys.tolist()))
    if asked.json:
        print(
            json.dumps({"lines": found.lines, "keys": persons, "bad_lines": found.bad.count, "table": str(asked.out)})
        )
    else:
        print(f"{asked.out}: {persons:,} keys of {found.lines - found.bad.count:,} lines")
    return 0


def run_cards(asked: argparse.Namespace) -> int:
    import msgspec

    from domain.naming import name_id
    from risk.card_files import Shelf, read_cards
    from risk.config import directory
    from risk.published import definition

    if asked.file is not None:
        found = {name: own.card for name, own in read_cards(asked.file).items()}
    else:
        shelf = Shelf(directory(), lambda path, why: print(f"outbid: {path}: {why}", file=sys.stderr))
        found = {name: own.card for name, own in shelf.of(name_id(asked.institution)).cards.items()}
    if asked.json:
        told = {name: msgspec.to_builtins(definition(name, card)) for name, card in found.items()}
        print(json.dumps(told))
        return 0
    for name, card in found.items():
        learnt = f", learnt from {card.learned['source']}" if "source" in card.learned else ""
        print(f"{name:16} version {card.version:<10} {card.kind:12} {len(card.facts):2} facts{learnt}")
    return 0


def _has_clicks(path: Path) -> bool:
    """Is it a file of clicks, by its header?"""
    from prediction.datasets.lines import Lines
    from risk.click_rows import NEEDED

    block = next(Lines(path, ",", header=True).blocks(1), None)
    return block is not None and set(NEEDED) <= set(block.columns)


def _clicks_json(one: "click_learning.Trained") -> dict[str, Any]:
    import msgspec

    told: dict[str, Any] = msgspec.to_builtins(one.judged)
    bands = [band._asdict() for band in one.judged.bands]
    return {"version": one.card.version if one.card is not None else None, **told, "bands": bands}


def _clicks_text(name: str, one: "click_learning.Trained") -> str:
    judged = one.judged
    worth = f"calibrated by x {judged.scale:.2f} there" if one.card is not None else "within chance"
    kept = "" if one.card is not None else ": the card in use stays"
    lines = [
        f"{name}: learnt from {judged.learnt_clicks:,} clicks with {judged.learnt_installs:,} installs{kept}",
        f"  explains installs of other sources by {judged.gain:.1f} nats better than their apps do; {worth}",
        f"  on the newest {judged.clicks:,} clicks, by a card learnt from the rest: AUC of a click without an install "
        f"{judged.auc:.3f} ({judged.auc_low:.3f} to {judged.auc_high:.3f})",
        f"  {'score':>11}{'clicks':>10}{'installs':>10}{'of honest':>11}{'fraud told':>12}{'missing':>9}",
    ]
    for band in judged.bands:
        score = f"{band.least} to {band.most}"
        missing = f"{band.shortfall:8.0%} ({band.low:.0%} to {band.high:.0%})"
        lines.append(
            f"  {score:>11}{band.clicks:10,}{band.installs:10,}{band.expected:11.1f}{band.told:12.1%} {missing}"
        )
    return "\n".join(lines)


def _labels_json(one: "label_learning.Trained") -> dict[str, Any]:
    told = {name: getattr(one.metrics, name) for name in ("rows", "base_rate", "auc", "logloss", "ece", "ece_null")}
    return {"version": one.card.version, "facts": len(one.card.facts), "calibration": one.method, **told}


def _labels_text(name: str, one: "label_learning.Trained") -> str:
    metrics = one.metrics
    low, high = metrics.intervals["auc"]
    within = "within" if metrics.calibrated else "beyond"
    return "\n".join(
        [
            f"{name}: {metrics.rows:,} rows, {metrics.base_rate:.2%} with the outcome; on folds not learnt from:",
            f"  AUC {metrics.auc:.4f} ({low:.4f} to {high:.4f})",
            f"  calibration error {metrics.ece:.4f}, {within} the {metrics.ece_null:.4f} of chance ({one.method})",
        ]
    )


def _tell_bad(bad: "Bad") -> None:
    for told in bad.first:
        print(f"outbid: left out: {told}", file=sys.stderr)
    if bad.count > len(bad.first):
        print(f"outbid: left out: {bad.count} lines in all", file=sys.stderr)
