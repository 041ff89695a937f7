"""``outbid risk graph``: who shares what with whom, loaded from files and looked at."""

import argparse
import sys
from pathlib import Path

PROBLEMS_SHOWN = 100
SETTLE_S = 1.0
"""After so long a service knows the tombstones, and what was on its way to its log is there."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("graph", help="devices, addresses, phones, accounts, and what joins them")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    load = actions.add_parser("load", help="add the edges and labels of a file, all or none; services go on meanwhile")
    load.add_argument("file", type=Path, metavar="FILE", help="lines NODE,NODE or NODE,fraud|good|unknown")
    load.set_defaults(run=run_load)
    features = actions.add_parser("features", help="what the graph says of a node")
    features.add_argument("node", metavar="NODE", help="written KIND:VALUE, such as ifa:… or ip:203.0.113.9")
    features.add_argument("--json", action="store_true")
    features.set_defaults(run=run_features)
    rings = actions.add_parser("rings", help="what the most nodes share, those near known fraud first")
    rings.add_argument("--least", type=int, default=3, metavar="N", help="nodes of one kind that share it (3)")
    rings.add_argument("--limit", type=int, default=50, metavar="N", help="rings that are told (50)")
    rings.add_argument("--json", action="store_true")
    rings.set_defaults(run=run_rings)
    forget = actions.add_parser(
        "forget", help="remove nodes with their edges and labels; see also outbid people forget"
    )
    forget.add_argument("nodes", nargs="+", metavar="NODE")
    forget.set_defaults(run=run_forget)
    fold = actions.add_parser("fold", help="make a snapshot of what is in the log; the service does that by itself")
    fold.set_defaults(run=run_fold)


def run_load(asked: argparse.Namespace) -> int:
    from cli.bars import Bar
    from domain.errors import Refused
    from domain.settings import places
    from risk.graph_batches import graph_directory, load
    from risk.graph_files import read_file
    from targeting.forgotten import Forgotten

    data = places().data
    try:
        size = asked.file.stat().st_size if asked.file.is_file() else 0
        with Bar("read") as bar:
            content = read_file(asked.file, lambda read: bar(read / size if size else 1.0))
    except Refused as error:
        print(f"outbid: {error}", file=sys.stderr)
        return 2
    for problem in content.problems[:PROBLEMS_SHOWN]:
        print(problem, file=sys.stderr)
    made = load(graph_directory(data), content.edges, content.labels, Forgotten(data))
    print(
        f"{content.lines:,} lines: {len(content.edges):,} edges, {len(content.labels):,} labels, "
        f"{len(content.problems):,} refused; the graph has {len(made.rows):,} nodes and {made.edge_count:,} edges"
    )
    return 2 if content.problems else 0


def run_features(asked: argparse.Namespace) -> int:
    import msgspec

    from domain.settings import places
    from risk.graph import Graph
    from risk.graph_batches import graph_directory

    key = _key(asked.node)
    if key is None:
        return 2
    with Graph.open(graph_directory(places().data)) as graph:
        found = graph.features(key)
    if asked.json:
        print(msgspec.json.encode(found).decode())
        return 0
    if not found.component_size:
        print("the graph does not know it")
        return 1
    for name, value in msgspec.structs.asdict(found).items():
        if value or name in ("component_size", "degree", "distance_to_fraud", "label_score"):
            print(f"{name:<20} {value:.4f}" if isinstance(value, float) else f"{name:<20} {value}")
    return 0


def run_rings(asked: argparse.Namespace) -> int:
    import msgspec

    from domain.errors import Problem, Refused
    from domain.settings import places
    from risk.graph import Graph
    from risk.graph_batches import graph_directory
    from risk.graph_rings import rings
    from targeting.identity_keys import written_key

    for name in ("least", "limit"):
        if getattr(asked, name) < 1:
            raise Refused([Problem(f"--{name}", getattr(asked, name), "it is 1 or more")])
    with Graph.open(graph_directory(places().data)) as graph:
        found = rings(graph, asked.least, asked.limit)
    if asked.json:
        listed = [{"node": written_key(ring.key), **msgspec.structs.asdict(ring)} for ring in found]
        print(msgspec.json.encode(listed).decode())
        return 0
    print(f"{'node':<21} {'kind':<12} {'shared by':>16} {'in all':>10} {'to fraud':>8} {'score':>7}")
    for ring in found:
        told = ring.features
        far = "none" if told.distance_to_fraud < 0 else str(told.distance_to_fraud)
        by = f"{ring.shared_by:,} {ring.shared_kind}"
        print(
            f"{written_key(ring.key):<21} {ring.kind:<12} {by:>16} {told.component_size:>10,} {far:>8} "
            f"{told.label_score:>7.4f}"
        )
    return 0


def run_forget(asked: argparse.Namespace) -> int:
    import time

    from domain.settings import places
    from risk.graph_batches import forget, graph_directory, left
    from targeting.forgotten import Forgotten

    keys = [_key(text) for text in asked.nodes]
    if None in keys:
        return 2
    gone = [key for key in keys if key is not None]
    data = places().data
    Forgotten(data).add(gone, int(time.time()))
    time.sleep(SETTLE_S)
    count = forget(graph_directory(data), gone)
    print(f"{count} nodes removed")
    if still := left(graph_directory(data), gone):
        print(f"left: {still}; a service added them meanwhile: run it again", file=sys.stderr)
        return 1
    return 0


def run_fold(asked: argparse.Namespace) -> int:
    from domain.settings import places
    from risk.graph_batches import fold, graph_directory

    made = fold(graph_directory(places().data))
    print(f"{len(made.rows):,} nodes, {made.edge_count:,} edges")
    return 0


def _key(written: str) -> int | None:
    """None: it is wrong, and that was said."""
    from risk.graph_kinds import parse_node
    from targeting.identity_keys import shown

    try:
        return parse_node(written).key
    except ValueError as error:
        print(f"outbid: {shown(written)!r}: {error}", file=sys.stderr)
        return None
