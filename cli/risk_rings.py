"""``outbid risk rings``: rings among recorded clicks, ranked, and weighed against the installs that came of them."""

import argparse
import sys
from pathlib import Path


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("rings", help="rings of addresses and devices in files of clicks, against installs")
    command.add_argument(
        "files", nargs="+", type=Path, metavar="FILE",
        help="CSV with the columns ip, app, device, os, click_time, is_attributed and, if known, attributed_time",
    )  # fmt: skip
    command.add_argument("--shown", type=int, default=20, metavar="N", help="rings of each sort told one by one (20)")
    command.add_argument(
        "--learn", type=float, default=0.5, metavar="SHARE",
        help="share of the clicks, the first, in which rings that are weighed on later clicks are found (0.5)",
    )  # fmt: skip
    command.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page, too")
    command.add_argument("--json", action="store_true", help="print everything that was measured as JSON")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    import msgspec

    from cli.bars import Bar
    from domain.errors import Problem, Refused
    from risk.click_log import read_clicks
    from risk.ring_report import as_page, as_text, report

    if asked.shown < 0:
        raise Refused([Problem("--shown", asked.shown, "it is 0 or more")])
    if not 0 < asked.learn < 1:
        raise Refused([Problem("--learn", asked.learn, "it is above 0 and below 1")])
    with Bar("read", "weighed") as bar:
        clicks, bad = read_clicks(asked.files, lambda share: bar(share, 0.0))
        found = report(clicks, asked.shown, asked.learn, lambda share: bar(1.0, share))
    for path, lines in bad.items():
        if lines.count:
            print(f"outbid: {path}: {lines.count:,} lines left out ({'; '.join(lines.first)})", file=sys.stderr)
    if asked.html is not None:
        try:
            asked.html.write_text(as_page(found))
        except OSError as error:
            raise Refused(
                [Problem("--html", str(asked.html), f"it must be a file that can be written ({error.strerror})")]
            ) from None
    print(msgspec.json.encode(found).decode() if asked.json else as_text(found))
    return 0
