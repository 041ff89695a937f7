"""``outbid report``: delivery, money and conversions from the analytics store, by any of its dimensions.

It is streamed as it comes: into a file it goes under a name of its own first, so that what is there under the right
name is whole.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cli import report_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.settings import Places

FORMATS = ("table", "csv", "json", "xlsx", "parquet")
_BINARY = ("xlsx", "parquet")
_PIECE = 1 << 16
_TOLD_EVERY_S = 0.5


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("report", help="delivery by day, campaign, line item, exchange, site …")
    command.add_argument(
        "--by",
        default="day,line_item",
        metavar="DIMENSIONS",
        help="some of minute, hour, day, week, month, hour_of_day, day_of_week, agency, advertiser, campaign, "
        "line_item, creative, format, size, exchange, deal, site, place, country, device_type, os, conversion_event, "
        "conversion_source, attribution_kind, play_event, loss_reason, no_bid_reason, stage (default: %(default)s)",
    )
    command.add_argument(
        "--metrics",
        metavar="METRICS",
        help="some of bids, wins, impressions, clicks, spend, ecpm, reach, roas …: docs/reports.md has all, and what "
        "each goes with (default: those of delivery)",
    )
    command.add_argument("--from", dest="since", metavar="DAY", help="first day, YYYY-MM-DD")
    command.add_argument("--to", dest="until", metavar="DAY", help="last day, YYYY-MM-DD")
    command.add_argument("--tz", metavar="ZONE", help="whose days and hours, as Europe/Berlin (default: UTC)")
    command.add_argument("--currency", metavar="CODE", help="all money in this one, at the rates of the days")
    command.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="DIMENSION:VALUE|VALUE",
        help="only these, by key, name or #id; with !: all but these. Can be given several times",
    )
    command.add_argument("--sort", metavar="NAMES", help="by these dimensions and metrics, with - for descending")
    command.add_argument("--top", type=int, metavar="N", help="the first N, and all others in one row")
    command.add_argument("--totals", action="store_true", help="all rows together, too")
    command.add_argument("--compare", choices=("previous",), help="the same number of days before beside it")
    command.add_argument("--page-size", type=int, metavar="N", help="N rows, and where the next page begins")
    command.add_argument("--page-token", metavar="TOKEN", help="go on there")
    command.add_argument("--format", choices=FORMATS, help="default: that of the file's name, else table")
    command.add_argument("--output", type=Path, metavar="FILE", help="default: the standard output")
    command.set_defaults(run=run)
    report_token.add(command.add_subparsers(metavar="token"))


def joined(arguments: "Sequence[str]") -> list[str]:
    """``--sort -spend`` as ``--sort=-spend``: argparse would take what begins with ``-`` for another option."""
    found: list[str] = []
    for argument in arguments:
        if found and found[-1] == "--sort" and argument[:1] == "-" and argument[:2] != "--":
            found[-1] = f"--sort={argument}"
        else:
            found.append(argument)
    return found


def run(asked: argparse.Namespace) -> int:
    from cli.ask import NoAnswer
    from domain.settings import places

    suffix = asked.output.suffix.removeprefix(".") if asked.output else ""
    form = asked.format or (suffix if suffix in FORMATS else "table")
    if form in _BINARY and asked.output is None and sys.stdout.isatty():
        print(f"outbid: name a file with --output: {form} is nothing for a terminal", file=sys.stderr)
        return 2
    told = {
        "by": asked.by,
        "metrics": asked.metrics,
        "from": asked.since,
        "to": asked.until,
        "tz": asked.tz,
        "currency": asked.currency,
        "filter": asked.filter,
        "sort": asked.sort,
        "top": asked.top,
        "totals": "1" if asked.totals else None,
        "compare": asked.compare,
        "page_size": asked.page_size,
        "page_token": asked.page_token,
        "format": form,
    }
    try:
        if asked.output is None:
            sys.stdout.flush()
            _copy(_url(places(), told), sys.stdout.buffer, quiet=True)
            sys.stdout.buffer.flush()
        else:
            _save(_url(places(), told), asked.output)
    except NoAnswer as error:
        print(f"outbid: {error}", file=sys.stderr)
        return error.status
    except BrokenPipeError:  # whoever read it has had enough
        sys.stderr.close()
        return 1
    return 0


def _url(here: "Places", told: dict[str, str | int | list[str] | None]) -> str:
    from urllib.parse import urlencode

    return f"{here.reporter_base}/v1/report?{urlencode({k: v for k, v in told.items() if v is not None}, doseq=True)}"


def _save(url: str, path: Path) -> None:
    """Raises NoAnswer; then nothing has changed under the path."""
    from cli.ask import NoAnswer

    part = path.with_name(f".{path.name}.part")
    try:
        try:
            with part.open("wb") as file:
                _copy(url, file, quiet=not sys.stderr.isatty())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise NoAnswer(f"{path} cannot be written: {error.strerror}") from None


def _copy(url: str, to: IO[bytes], *, quiet: bool) -> None:
    """Tells on the standard error how far it is, unless it is to be ``quiet``."""
    from cli.ask import pieces

    begun = told = time.monotonic()
    received = 0
    for piece in pieces(url, _PIECE):
        to.write(piece)
        received += len(piece)
        if not quiet and time.monotonic() - told >= _TOLD_EVERY_S:
            told = time.monotonic()
            print(f"\r{received / 1e6:,.1f} MB in {told - begun:.0f} s ", end="", file=sys.stderr, flush=True)
    if not quiet:
        print(f"\r{received / 1e6:,.1f} MB in {time.monotonic() - begun:.1f} s, complete", file=sys.stderr)


def fetch(here: "Places", by: str, since: str | None = None, until: str | None = None, format: str = "table") -> str:
    """The report as text. The reporter alone opens the analytics store, so it is asked. Raises `cli.ask.NoAnswer`."""
    from cli.ask import pieces

    url = _url(here, {"by": by, "from": since, "to": until, "format": format})
    return b"".join(pieces(url, _PIECE)).decode()
