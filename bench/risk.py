"""The risk service: lists, graph, API, scores; see `rig/risk_lists_bench.py`, `rig/risk_graph_bench.py`,
`rig/risk_api_bench.py` and `rig/risk_scores_bench.py`. The last line is the result as JSON.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# A script's own folder comes first on the path, and there it would stand in for the package of the same name.
sys.path[0] = str(HERE.parent)
sys.path.append(str(HERE))

PARTS = ("lists", "graph", "api", "scores")


def main() -> None:
    from rig.risk_api_bench import api_figures
    from rig.risk_graph_bench import graph_figures
    from rig.risk_lists_bench import list_figures
    from rig.risk_scores_bench import score_figures

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="may be given several times; default: all")
    parser.add_argument("--entries", type=int, default=10_000_000, help="ids that are imported (default: %(default)s)")
    parser.add_argument("--white", type=int, default=100_000_000, help="ids of the white list (default: %(default)s)")
    parser.add_argument("--edges", type=int, default=10_000_000, help="of the graph (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=2_000, help="calls of the API a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of calls in each turn (default: %(default)s)")
    parser.add_argument("--subjects", type=int, default=100_000, help="that are scored (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    figures: dict[str, Callable[[Path], dict[str, Any]]] = {
        "lists": lambda folder: list_figures(folder, asked.entries, asked.white),
        "graph": lambda folder: graph_load(graph_figures(folder, asked.edges)),
        "api": lambda folder: api_figures(asked.rate, asked.seconds, asked.turns),
        "scores": lambda folder: score_figures(folder, asked.subjects, asked.turns),
    }
    result: dict[str, Any] = {"bench": "risk"}
    for part in asked.only or PARTS:
        with tempfile.TemporaryDirectory(prefix="outbid-bench-") as folder:
            result |= figures[part](Path(folder))
    print(json.dumps(result))


def graph_load(figures: dict[str, float]) -> dict[str, float]:
    """The figures with the name that this bench has for the load."""
    return {"graph_load_10m_s" if name == "graph_load_s" else name: value for name, value in figures.items()}


if __name__ == "__main__":
    main()
