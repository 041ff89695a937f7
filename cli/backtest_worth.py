"""``outbid backtest worth``: what credit and risk scores earn in the bid, in worlds made of real people and clicks."""

import argparse
import json
from pathlib import Path


def add(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    worth = parts.add_parser(
        "worth", help="profit of credit_value and the risk module beside target CPA, on the same traffic"
    )
    worth.add_argument(
        "--credit",
        type=Path,
        required=True,
        metavar="FILE",
        help="people who got credit: CSV with X1 to X23 and Y (defaulted)",
    )
    worth.add_argument(
        "--clicks",
        type=Path,
        required=True,
        metavar="FILE",
        help="mobile clicks: CSV of TalkingData's form, in order of time",
    )
    worth.add_argument("--seeds", type=int, default=10, metavar="N", help="worlds (default: %(default)s)")
    worth.add_argument("--grid", action="store_true", help="change one thing of the world at a time as well")
    worth.add_argument("--json", action="store_true", help="one line with all figures")
    worth.add_argument("--out", type=Path, metavar="FILE", help="writes the figures (JSON) into a file as well")
    worth.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from cli.bars import Bar
    from cli.worth_proof import Proof, changes
    from cli.worth_report import as_text
    from domain.errors import Problem, Refused

    if not 1 <= asked.seeds <= 100:
        raise Refused([Problem("seeds", asked.seeds, "it must be from 1 to 100")])
    grid = changes() if asked.grid else []
    proof, trials, cells = Proof(asked.credit, asked.clicks), [], []
    with Bar("worlds", *(["grid"] if grid else [])) as shown:
        for seed in range(1, asked.seeds + 1):
            trials += proof.trials(seed)
            shown(seed / asked.seeds, *([0.0] if grid else []))
        for number, changed in enumerate(grid, 1):
            cells.append(proof.cell(changed, asked.seeds))
            shown(1.0, number / len(grid))
    found = proof.told(trials, cells)
    text = json.dumps(found)
    if asked.out:
        try:
            asked.out.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise Refused([Problem(str(asked.out), error.strerror, "it must be a file to write")]) from None
    print(text if asked.json else "\n".join(as_text(found)))
    return 0
