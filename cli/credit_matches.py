"""``outbid credit matches``: matches as they were recorded, one of them, or all as a log to evaluate policies on."""

import argparse
import csv
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from credit.match_evaluation import Recorded


def add(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = parts.add_parser("matches", help="recorded matches: one of them, or a log to evaluate policies on")
    acts = command.add_subparsers(metavar="ACT", required=True)
    show = acts.add_parser("show", help="what an applicant was offered and why, and what became of it, as JSON")
    show.add_argument("id", metavar="MATCH_ID")
    show.set_defaults(run=run_show)
    export = acts.add_parser("export", help="matches with an answer, for `outbid backtest policy --format csv`")
    export.add_argument("--out", type=Path, required=True, metavar="FILE")
    export.add_argument(
        "--learn-until",
        metavar="DAY",
        help="learns a policy from matches before this day (UTC) and exports those from it on, with its probabilities",
    )
    export.add_argument(
        "--policy", choices=("thompson", "greedy"), default="greedy", help="which is learnt (default: %(default)s)"
    )
    export.add_argument("--even-share", type=float, default=0.02, metavar="SHARE", help="default: %(default)s")
    export.set_defaults(run=run_export)


def recorded() -> "Recorded":
    from credit import outcomes
    from credit.match_evaluation import Recorded
    from credit.match_log import FOLDER
    from domain.settings import places

    data = places().data
    return Recorded(data / "credit" / FOLDER, outcomes.directory(data))


def run_show(asked: argparse.Namespace) -> int:
    import msgspec

    from credit.match_features import NAMES
    from credit.match_log import FOLDER
    from domain.clock import utc
    from domain.errors import Problem, Refused
    from domain.money import NANOS
    from domain.settings import places
    from targeting.identity_keys import written_key

    known = recorded()
    found = known.find(asked.id)
    if found is None:
        allowed = f"it must be the id of a match in {places().data / 'credit' / FOLDER}"
        raise Refused([Problem("MATCH_ID", asked.id, allowed)])
    record, outcomes = found
    catalogue = known.catalogue(record.catalogue)
    chosen_from, shares = record.chosen_from()
    told = {
        "match_id": record.id,
        "at": utc(record.at_ns).isoformat(),
        "institution": record.institution,
        "persons": [written_key(key) for key in record.person_keys() if key],
        "amount": record.amount / NANOS,
        "term_months": record.term_months,
        **{name: None if math.isnan(v := getattr(record, name)) else v for name in ("score", "pd", "p_approved")},
        "tags": record.tags(),
        "catalogue": record.catalogue,
        "policy": record.policy,
        "even_share": record.even_share,
        "learnt": record.learnt,
        "eligible": record.eligible,
        "candidates": {
            catalogue.products[place].path: round(share, 6)
            for place, share in zip(chosen_from.tolist(), shares.tolist(), strict=True)
        },
        "offers": [
            {
                "product": offer.product,
                "p_approved": offer.p_approved,
                "expected_value": offer.expected_value,
                "propensity": offer.propensity,
                "features": dict(zip(NAMES, offer.features, strict=False)),
            }
            for offer in record.offers
        ],
        "outcomes": msgspec.to_builtins(outcomes),
    }
    print(json.dumps(told, indent=1))
    return 0


def run_export(asked: argparse.Namespace) -> int:
    from datetime import UTC, date, datetime, time

    from credit.match_evaluation import Other
    from credit.match_features import NAMES
    from credit.policy import Policy
    from domain.clock import SECOND, from_env
    from domain.errors import Problem, Refused

    known, since, other = recorded(), 0, None
    if asked.learn_until is not None:
        try:
            day = date.fromisoformat(asked.learn_until)
        except ValueError:
            raise Refused([Problem("--learn-until", asked.learn_until, "it must be a day as YYYY-MM-DD")]) from None
        since = int(datetime.combine(day, time(), UTC).timestamp()) * SECOND
        if known.matches:
            other = Other(known.model(since), Policy(asked.policy, asked.even_share))
    rows = list(known.decided(from_env().now_ns(), since, other))
    if not rows:
        raise Refused([Problem("matches", len(known.matches), "there must be some with an answer")])
    products = sorted({path for row in rows for path in (row.product, *row.shares)})
    targets = [f"target:{path}" for path in products] if other else []
    with asked.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["action", "reward", "propensity", *(f"x:{name}" for name in NAMES[1:]), *targets])
        for row in rows:
            features = row.record.offers[0].features[1:]
            shares = [row.shares.get(path, 0.0) for path in products] if other else []
            writer.writerow([row.product, row.reward, row.propensity, *features, *shares])
    print(f"{len(rows)} matches of {len(products)} products are in {asked.out}")
    return 0
