"""``outbid models``: which models there are and which are in service; into service, back again, into the shadow."""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prediction.registry import Registry
    from reporting.training_status import Beside


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("models", help="models in service: list, show, promote, rollback, shadow")
    ways = command.add_subparsers(metavar="WAY", required=True)
    listing = ways.add_parser("list", help="every model, and which are live or in the shadow")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=told(list_models))
    showing = ways.add_parser("show", help="what is known of one model: data, features, figures")
    showing.add_argument("target", metavar="TARGET", help="what it predicts: ctr, cvr, …")
    showing.add_argument("version", metavar="VERSION", type=_version, nargs="?", help="default: the live one")
    showing.add_argument("--json", action="store_true")
    showing.set_defaults(run=told(show))
    promoting = ways.add_parser("promote", help="make bids by a model, if it is no worse than the live one")
    promoting.add_argument("target", metavar="TARGET")
    promoting.add_argument("version", metavar="VERSION", type=_version)
    promoting.add_argument("--force", action="store_true", help="even if it is worse, or miscalibrated")
    promoting.set_defaults(run=told(promote))
    back = ways.add_parser("rollback", help="make bids by the model that was live before")
    back.add_argument("target", metavar="TARGET")
    back.set_defaults(run=told(rollback))
    shadowing = ways.add_parser("shadow", help="score a model beside the live one, and log what it says")
    shadowing.add_argument("target", metavar="TARGET")
    shadowing.add_argument("version", metavar="VERSION", type=_version_or_none, help="or none: no longer")
    shadowing.set_defaults(run=told(shadow))


def told(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Says in words what is wrong with a damaged file."""

    def telling(asked: argparse.Namespace) -> int:
        from prediction.artefact import Damaged

        try:
            return run(asked)
        except Damaged as error:
            print(f"outbid: {error}", file=sys.stderr)
            return 2

    return telling


def list_models(asked: argparse.Namespace) -> int:
    from prediction.artefact import Damaged

    registry = _registry()
    pointers = registry.pointers()
    found: list[dict[str, Any]] = []
    for target in registry.targets():
        for version in registry.versions(target):
            row: dict[str, Any] = {"target": target, "version": version, "role": _role(pointers, target, version)}
            try:
                known = registry.describe(target, version)
            except Damaged as error:
                found.append(row | {"damaged": str(error)})
                continue
            row |= {"created": _time(known.created_ns), "rows": known.trained_on.rows, "metrics": known.metrics}
            found.append(row)
    if asked.json:
        _print_json(found)
    elif found:
        _print_table(found)
    else:
        print(f"no models in {registry.directory}")
    return 0


def show(asked: argparse.Namespace) -> int:
    import msgspec

    from domain.errors import Problem, Refused

    registry = _registry()
    pointers = registry.pointers()
    version = asked.version or pointers.live.get(asked.target)
    if version is None:
        raise Refused([Problem("version", None, f"no model of {asked.target} is live; name a version")])
    known: dict[str, Any] = msgspec.to_builtins(registry.describe(asked.target, version))
    features = known.pop("feature_set")
    known["role"] = _role(pointers, asked.target, version)
    known["directory"] = str(registry.path(asked.target, version))
    beside = _beside(asked.target, version)
    if asked.json:
        _print_json(known | {"feature_set": features} | ({"beside": msgspec.to_builtins(beside)} if beside else {}))
        return 0
    for name in ("target", "version", "role", "directory"):
        print(f"{name}: {known[name]}")
    print(f"created: {_time(known['created_ns'])}")
    trained = known["trained_on"]
    print(f"trained on: {trained['rows']} rows of {trained['source']}, {trained['positives']:g} positive")
    if trained["last_ns"]:
        print(f"from {_time(trained['first_ns'])} to {_time(trained['last_ns'])}")
    if features is not None:
        names = ", ".join(feature["name"] for feature in features["features"])
        print(f"features: {features['name']} {features['version']}: {names}")
    for name, value in sorted(known["metrics"].items()):
        print(f"  {name}: {value:.6g}")
    if beside:
        print(f"live {beside.live} and shadow {beside.shadow} on the same {beside.rows} impressions,", end=" ")
        print(f"{beside.positives} with the outcome, as of {_time(beside.looked_ns)}:")
        for name, value in beside.live_figures.items():
            difference = beside.differences.get(name)
            by = f", {difference.low:+.6g} to {difference.high:+.6g} in 95 of 100 samples" if difference else ""
            print(f"  {name}: live {value:.6g}, shadow {beside.shadow_figures[name]:.6g}{by}")
    return 0


def _beside(target: str, version: int) -> "Beside | None":
    """What the training job has found of the live model and the one in its shadow, if this is one of them."""
    from domain.settings import places
    from reporting import training_status

    found = training_status.read(places().data).shadow.get(target)
    return found if found is not None and version in (found.live, found.shadow) else None


def promote(asked: argparse.Namespace) -> int:
    from prediction.promotion import judge

    registry = _registry()
    found = judge(registry, asked.target, asked.version)
    if found.figures:
        print("held out: " + ", ".join(f"{name} {value:.6g}" for name, value in found.figures.items()))
    for note in found.notes:
        print(f"note: {note}")
    for why in found.against:
        print(f"against it: {why}", file=sys.stderr)
    if not found.usable or (not found.allowed and not asked.force):
        why = "--force would" if found.usable else "it cannot be used"
        print(f"outbid: {asked.target} {asked.version} is not put in service ({why})", file=sys.stderr)
        return 1
    until = registry.promote(asked.target, asked.version)
    print(f"{asked.target} {asked.version} is live, after {until or 'none'}")
    return 0


def rollback(asked: argparse.Namespace) -> int:
    registry = _registry()
    version = registry.rollback(asked.target)
    print(f"{asked.target} {version} is live again" if version else f"no model of {asked.target} is live any more")
    return 0


def shadow(asked: argparse.Namespace) -> int:
    _registry().shadow(asked.target, asked.version)
    print(f"{asked.target}: {f'{asked.version} is' if asked.version else 'no model is'} in the shadow")
    return 0


def _registry() -> "Registry":
    from domain.settings import places
    from prediction.registry import Registry

    return Registry(places().data)


def _role(pointers: Any, target: str, version: int) -> str:
    roles = [name for name in ("live", "shadow") if getattr(pointers, name).get(target) == version]
    return ", ".join(roles)


def _version(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; a number from 1 on, as `outbid models list` shows")
    return int(text)


def _version_or_none(text: str) -> int:
    return 0 if text == "none" else _version(text)


def _time(ns: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _print_json(known: object) -> None:
    import json

    print(json.dumps(known, indent=2))


def _print_table(found: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    figures = ("auc", "logloss", "normalised_entropy", "ece", "bias")
    table = Table("target", "version", "role", "created", "rows", *figures, box=None, pad_edge=False)
    for column in (table.columns[1], *table.columns[4:]):
        column.justify = "right"
    for row in found:
        if "damaged" in row:
            table.add_row(row["target"], str(row["version"]), row["role"], row["damaged"], style="red")
            continue
        shown = [f"{row['metrics'][name]:.5g}" if name in row["metrics"] else "" for name in figures]
        table.add_row(row["target"], str(row["version"]), row["role"], row["created"], f"{row['rows']:,}", *shown)
    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)
