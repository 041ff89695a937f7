"""``outbid credit use``: puts a model in service, or the one before it."""

import argparse
from pathlib import Path


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = actions.add_parser("use", help="put a model in service; the service takes it up within a second or two")
    command.add_argument("model", type=Path, metavar="DIR", help="as `outbid credit train` wrote it; it stays there")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    import os

    from credit.config import credit_settings, directory
    from credit.model import CreditModel
    from domain.errors import Problem, Refused

    model = CreditModel.load(asked.model)
    place = credit_settings().model_path(directory())
    if place.exists() and not place.is_symlink():
        raise Refused([Problem("[credit] model", str(place), "a link, or nothing, so that it can be replaced at once")])
    place.parent.mkdir(parents=True, exist_ok=True)
    link = place.with_name(f"{place.name}.new{os.getpid()}")
    link.unlink(missing_ok=True)
    before = os.readlink(place) if place.is_symlink() else "none"
    link.symlink_to(asked.model.resolve())
    os.replace(link, place)
    print(f"{place} is {asked.model.resolve()} (version {model.version}, {model.facts.served}); before: {before}")
    return 0
