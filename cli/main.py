"""``outbid``: one module of this folder is one command, and nothing is imported until its command runs.

Exit status: 0 done, 1 the command says no (books differ, a process failed), 2 the input was refused.
"""

import argparse
import errno
import sys
from collections.abc import Sequence

from cli import (
    alerts,
    attribution,
    audiences,
    backtest,
    backup,
    bidder,
    campaigns,
    control,
    creatives,
    evaluate,
    explain,
    exploration,
    grafana,
    identity,
    ledger,
    logs,
    losses,
    models,
    outcomes,
    people,
    prices,
    profiles,
    quality,
    reach,
    reconcile,
    replay,
    report,
    reporter,
    risk,
    run,
    secret,
    simulate,
    statement,
    store,
    supply,
    tracker,
    train,
    up,
    watch,
)

COMMANDS = (
    run,
    up,
    campaigns,
    creatives,
    audiences,
    explain,
    identity,
    ledger,
    report,
    losses,
    exploration,
    grafana,
    simulate,
    statement,
    backtest,
    train,
    models,
    evaluate,
    reconcile,
    alerts,
    attribution,
    outcomes,
    quality,
    replay,
    prices,
    profiles,
    people,
    reach,
    supply,
    logs,
    store,
    secret,
    backup,
    bidder,
    tracker,
    control,
    reporter,
    risk,
    watch,
)


def parser() -> argparse.ArgumentParser:
    """Every command with its options; each names its function in ``run``."""
    root = argparse.ArgumentParser(prog="outbid", description="A demand-side platform: OpenRTB in, exact money out.")
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; what a person typed wrongly is said in words, not as a traceback."""
    asked = parser().parse_args(report.joined(sys.argv[1:] if arguments is None else arguments))
    from domain.errors import Refused, Unavailable
    from domain.settings import SettingsError

    try:
        status: int = asked.run(asked)
    except (Refused, SettingsError) as refusal:
        print(f"outbid: {refusal}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output (head, less) had enough
        sys.stderr.close()
        return 1
    except Unavailable as error:
        print(f"outbid: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
            raise
        print(f"outbid: {error.strerror}; is this process running already?", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
