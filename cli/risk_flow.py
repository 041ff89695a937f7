"""``outbid risk flow`` and ``outbid risk replay``: decision flows checked, and run dry over decisions of the past."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from risk.replay import Replay


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("flow", help="decision flows: are they right, and which are in use")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser("check", help="everything that is wrong with flows, by path, value and what is allowed")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    check.set_defaults(run=run_check)
    listing = actions.add_parser("list", help="the flows of this host's service")
    listing.set_defaults(run=run_list)
    values = actions.add_parser("values", help="everything that conditions can ask about")
    values.set_defaults(run=run_values)
    again = commands.add_parser("replay", help="a dry run: what a flow would have decided of recorded cases")
    again.add_argument("file", type=Path, metavar="FILE", help="the flow, YAML")
    again.add_argument("--days", type=float, default=30.0, metavar="N", help="decisions of so many days (30)")
    again.add_argument("--of", default="", metavar="FLOW", help="decisions of this flow (the file's); all: of all")
    again.add_argument("--changes", type=int, default=20, metavar="N", help="changed decisions that are listed (20)")
    again.add_argument("--json", action="store_true")
    again.set_defaults(run=run_replay)


def run_check(asked: argparse.Namespace) -> int:
    from domain.errors import Refused
    from risk.flow import read_flow

    wrong = 0
    for path in asked.files:
        try:
            flow = read_flow(path)
        except Refused as refusal:
            wrong += 1
            for problem in refusal.problems:
                print(f"{path}: {problem}", file=sys.stderr)
        else:
            print(f"{path}: flow {flow.name}, version {flow.version}, {len(flow.form.steps)} steps")
    return 2 if wrong else 0


def run_list(asked: argparse.Namespace) -> int:
    from risk.config import directory, risk_settings
    from risk.flows import VERSIONS, Flows

    flows = Flows(risk_settings().flow_directory, directory() / VERSIONS)
    flows.refresh()
    for name, flow in sorted(flows.flows.items()):
        whose = ", ".join(sorted(flow.institutions)) or "everybody"
        print(f"{name:<24} {flow.version}  {len(flow.form.steps):>3} steps  for {whose}")
    for file, why in flows.trouble.items():
        print(f"outbid: {file} cannot be used: {why}", file=sys.stderr)
    return 2 if flows.trouble else 0


def run_values(asked: argparse.Namespace) -> int:
    from risk.inputs import FACTS
    from risk.vocabulary import known_values

    for name, kind in known_values().items():
        print(f"{name:<28} {kind.name:<7} {FACTS[name].doc if name in FACTS else ''}".rstrip())
    return 0


def run_replay(asked: argparse.Namespace) -> int:
    import time

    import msgspec

    from domain.errors import Problem, Refused
    from risk.config import directory
    from risk.decisions import recorded
    from risk.flow import read_flow
    from risk.replay import replay

    if not 0 < asked.days <= 36_600:
        raise Refused([Problem("--days", asked.days, "it must be above 0, and at most 36600")])
    flow = read_flow(asked.file)
    wanted = asked.of or flow.name
    since = time.time_ns() - int(asked.days * 86_400e9)
    found = (one for one in recorded(directory(), since) if wanted == "all" or one.decision.flow == wanted)
    told = replay(flow, found, max(asked.changes, 0))
    if asked.json:
        print(msgspec.json.encode(told).decode())
        return 0
    _show(told, wanted, asked.days)
    return 0


def _show(told: "Replay", wanted: str, days: float) -> None:
    of = "all flows" if wanted == "all" else f"the flow {wanted}"
    print(f"{told.decisions:,} decisions of {of} in the last {days:g} days, by version {told.version} of {told.flow}:")
    print(f"\n{'':<10}{'recorded':>12}{'by it':>12}")
    for name, before in told.before.items():
        print(f"{name:<10}{before:>12,}{told.after[name]:>12,}")
    changed = sum(told.moved.values())
    share = changed / told.decisions if told.decisions else 0.0
    print(f"\n{changed:,} ({share:.2%}) would have been others")
    for name, count in told.moved.items():
        print(f"  {name:<22}{count:>8,}")
    if told.reasons:
        print("\nby its steps")
        for name, count in told.reasons.items():
            print(f"  {name:<30}{count:>8,}")
    for name, count in told.without.items():
        print(f"\n{count:,} cases were told without {name}, which it needs")
    if told.changes:
        print("\nthe first that change")
    for one in told.changes:
        print(f"  {one.decision_id}  {one.before} to {one.after}  {', '.join(one.reasons_after)}")
