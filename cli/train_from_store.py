"""``outbid train --from-store``: models from what the analytics store has; ``--scheduled`` does what is due."""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reporting.config import Training
    from reporting.training_status import Run


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--from-store", action="store_true", help="learn from the analytics store, by way of the reporter"
    )
    command.add_argument("--days", type=_days, metavar="N", help="how far back (default: the setting)")
    command.add_argument("--no-promote", action="store_true", help="write the model, and leave the live one in service")
    command.add_argument("--scheduled", action="store_true", help="look for drift, and make the models that are due")
    command.add_argument(
        "--status", action="store_true", help="what became of the last trainings, and what has drifted"
    )


def wanted(asked: argparse.Namespace) -> bool:
    return bool(asked.from_store or asked.scheduled or asked.status)


def run(asked: argparse.Namespace) -> int:
    """0 if all that was tried was made, or there was too little to learn from; 1 if something failed or was refused."""
    from domain.settings import places
    from reporting.config import training_settings

    here, settings = places(), training_settings()
    if asked.status:
        return _show_status(asked)
    if asked.scheduled:
        return _scheduled(settings)
    from msgspec.structs import replace

    from cli.bars import Bar
    from cli.training_job import Job

    settings = replace(
        settings,
        days=asked.days or settings.days,
        model=asked.model or settings.model,
        auto_promote=settings.auto_promote and not asked.no_promote,
    )
    with Bar(asked.target) as bar, Job(here, settings, lambda step, share: bar(share)) as job:
        found = job.train(asked.target, "asked")
    _show(found, asked.json)
    return 0 if found.state == "made" and (found.promoted or not settings.auto_promote) else 1


def _scheduled(settings: "Training") -> int:
    """What the reporter starts now and then; quiet where there is nothing to do."""
    from cli import process
    from cli.ask import NoAnswer
    from cli.online_corrections import correct
    from cli.training_job import Job
    from domain.errors import Refused, Unavailable
    from domain.settings import places

    process.begin("training")
    import logging

    log, status = logging.getLogger("training"), 0
    with Job(places(), settings) as job:
        for target in settings.targets:
            try:
                job.look_for_drift(target)
                correct(job, target)
            except (NoAnswer, Refused, Unavailable, ValueError, OSError) as error:
                log.warning("%s: whether anything has drifted, and by how much, is not known: %s", target, error)
            if why := job.due(target):
                found = job.train(target, why)
                (log.error if found.state == "failed" else log.info)("%s", _line(found))
                status |= found.state == "failed"
    return status


def _line(run: "Run") -> str:
    if run.state != "made":
        return f"{run.target}: no model was made ({run.state}): {run.text}"
    role = "in service" if run.promoted else f"not in service: {run.text}"
    told = ", ".join(f"{name} {run.figures[name]:.5g}" for name in ("auc", "logloss", "ece") if name in run.figures)
    return f"{run.target}: version {run.version} of {run.rows:,} rows ({run.why}), {role}; {told}"


def _show(run: "Run", as_json: bool) -> None:
    if as_json:
        import msgspec

        print(msgspec.json.encode(run).decode())
    else:
        print(_line(run), file=sys.stdout if run.state == "made" else sys.stderr)


def _show_status(asked: argparse.Namespace) -> int:
    import msgspec

    from domain.settings import places
    from reporting import training_status

    status = training_status.read(places().data)
    if asked.json:
        print(msgspec.json.encode(status).decode())
        return 0
    for run in status.runs:
        print(_line(run) if run.state != "running" else f"{run.target}: {run.step}, {run.share:.0%}")
    for target, report in sorted(status.drift.items()):
        for found in report.findings:
            print(f"{target} version {status.drift_version.get(target, 0)}: {found.severity}: {found.text}")
        if not report.findings:
            print(f"{target} version {status.drift_version.get(target, 0)}: nothing has drifted ({report.rows:,} rows)")
    if not status.runs and not status.drift:
        print("nothing was trained yet")
    return 0


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 400:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; 1 to 400 days are")
    return int(text)
