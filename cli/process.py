"""What the commands that are long-running processes share: how they log, and whom they die with."""

import ctypes
import os
import signal
import sys

SUPERVISOR = "OUTBID_SUPERVISOR"
"""Set by `cli.supervisor` for its children: its process id."""

_PR_SET_PDEATHSIG = 1


def begin(name: str, worker: int | None = None) -> None:
    """Called first by every process command, with the process's name; of several on a host, its number, too."""
    from monitoring import logs
    from monitoring.config import log_settings

    logs.begin(name, worker, log_settings())
    supervisor = os.environ.pop(SUPERVISOR, None)
    if supervisor and sys.platform == "linux":
        _stop_with(int(supervisor))


def _stop_with(supervisor: int) -> None:
    """A supervisor that was killed must not leave processes behind that hold ports and locks: the kernel tells us."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != supervisor:  # it ended before we asked
        sys.exit("outbid: the supervisor is gone")
