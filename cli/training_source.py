"""Options of `outbid train` and `outbid evaluate` that say which rows: files of a format, with a mapping for CSV."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prediction.datasets.mapping import Mapping

FORMATS = ("criteo", "avazu", "ipinyou", "talkingdata", "csv")


def add_files(command: argparse.ArgumentParser) -> None:
    """The options of rows that come from files."""
    files = command.add_argument_group("files")
    files.add_argument("--format", choices=FORMATS, help="what the files are")
    files.add_argument("--data", nargs="+", type=Path, metavar="FILE", help="plain or .gz; several in order of time")
    mapping = command.add_argument_group("what a CSV file's columns are")
    mapping.add_argument("--mapping", type=Path, metavar="FILE", help="YAML or JSON; or, instead of it:")
    mapping.add_argument("--label", metavar="COLUMN", help="the outcome, 0 or 1")
    mapping.add_argument("--time", metavar="COLUMN", help="without one, rows are split by hash")
    mapping.add_argument("--time-format", metavar="FORMAT", help="iso (default), unix, unix_ms or as strptime takes it")
    mapping.add_argument("--numbers", type=_names, default=[], metavar="A,B", help="columns that are numbers")
    mapping.add_argument("--categories", type=_names, default=[], metavar="A,B", help="columns that are categories")
    mapping.add_argument("--delimiter", metavar="CHARACTER", help="default: a comma")


def mapping_asked(asked: argparse.Namespace) -> "Mapping | None":
    """The mapping that the options name or are; None without any. `Refused` for what does not go together."""
    from domain.errors import Problem, Refused
    from prediction.datasets import mapping

    inline = {
        "--label": asked.label, "--time": asked.time, "--time-format": asked.time_format, "--numbers": asked.numbers,
        "--categories": asked.categories, "--delimiter": asked.delimiter,
    }  # fmt: skip
    given = [name for name, value in inline.items() if value]
    if asked.format not in ("csv", None) and (given or asked.mapping):
        raise Refused([Problem(given[0] if given else "--mapping", asked.format, "only csv has a mapping")])
    if asked.mapping:
        if given:
            raise Refused([Problem(given[0], inline[given[0]], "it must not stand beside --mapping")])
        return mapping.read(asked.mapping)
    if not given:
        return None
    if not asked.label or not (asked.numbers or asked.categories):
        raise Refused([Problem("--label", asked.label, "it and --numbers or --categories must be given")])
    return mapping.from_options(
        asked.label, asked.numbers, asked.categories, asked.time, asked.time_format, asked.delimiter
    )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
