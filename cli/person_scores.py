"""What the services of lenders have of a person on this host: lists, graph, counters, scores, decisions, offers.

Their files are read, so it does not matter whether the services run.
"""

import contextlib
import math
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from credit import match_log
from credit import people as credit_people
from domain.clock import utc
from domain.money import NANOS
from risk import decisions
from risk import people as risk_people
from risk.counters import Counters
from risk.decide_api import told_decision
from risk.graph import Graph
from risk.list_files import LISTS
from risk.lists import Lists
from targeting.identity_keys import written_key

Json = dict[str, Any]


def known_of(data: Path, keys: Collection[int], now_s: int) -> Json:
    """Of all keys of a person, by service. Counts that are 0, and what is not there, are left out."""
    risk, credit = data / "risk", data / "credit"
    found = {
        "risk": {
            "scored": _scored(risk / risk_people.FILE, risk_people.People.open, keys),
            "lists": _listed(risk / "lists", keys),
            "graph": _graph(risk / "graph", keys),
            "counted": _counted(risk / "counters", keys, now_s),
            "decisions": [
                msgspec.to_builtins(told_decision(one.id, one.decision))
                for one in decisions.recorded(risk, persons=keys)
            ],
        },
        "credit": {
            "scored": _scored(credit_people.table_file(data), credit_people.People.open, keys),
            "matches": [_match(one) for one in match_log.about(credit / match_log.FOLDER, keys)],
        },
    }
    return {service: {name: part for name, part in parts.items() if part} for service, parts in found.items()}


def _scored(path: Path, opened: Any, keys: Collection[int]) -> Json:
    """Rows of a table of people for the bid, by key."""
    if not path.exists():
        return {}
    people = opened(path)
    rows = {written_key(key): row._asdict() for key in keys if (row := people.get(key)) is not None}
    return {key: {**row, "scored_at": _time(row["scored_at"])} for key, row in rows.items()}


def _listed(directory: Path, keys: Collection[int]) -> list[Json]:
    """Entries of everybody's lists and of institutions', whether they hold still or not."""
    if not directory.is_dir():
        return []
    lists = Lists.open(directory)
    return [
        {
            "list": name,
            "institution": institution,
            "reason": terms.reason,
            "source": terms.source,
            "expires": _time(terms.expires_s),
            "key": written_key(key),
        }
        for id_, institution in {0: "", **lists.institution_names()}.items()
        for name in LISTS
        for key in keys
        if (terms := lists.entry((name, id_), key)) is not None
    ]


def _graph(directory: Path, keys: Collection[int]) -> Json:
    """Features of the keys that are nodes."""
    if not directory.is_dir():
        return {}
    with Graph.open(directory) as graph:
        nodes = {key: graph.features(key) for key in keys}
    return {written_key(key): msgspec.to_builtins(node) for key, node in nodes.items() if node.component_size}


def _counted(directory: Path, keys: Collection[int], now_s: int) -> Json:
    """What was counted of a key is the same whatever it was made of; it is told as of a device."""
    if not directory.is_dir():
        return {}
    with contextlib.closing(Counters.open(directory, readonly=True)) as counters:
        facts = counters.facts([("key", key) for key in keys], 0, now_s)
    return {name: value for name, value in facts.items() if value}


def _match(record: match_log.MatchRecord) -> Json:
    known = {name: getattr(record, name) for name in ("score", "pd", "p_approved")}
    return {
        "match_id": record.id,
        "at": utc(record.at_ns).isoformat(),
        "institution": record.institution,
        "amount": record.amount / NANOS,
        "term_months": record.term_months,
        **{name: value for name, value in known.items() if not math.isnan(value)},
        "tags": record.tags(),
        "offers": [offer.product for offer in record.offers],
    }


def _time(unix_s: int) -> str | None:
    return datetime.fromtimestamp(unix_s, UTC).isoformat() if unix_s else None
