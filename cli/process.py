"""What the commands that are long-running processes share: how they log, and whom they die with."""

import ctypes
import logging
import os
import signal
import sys

SUPERVISOR = "OUTBID_SUPERVISOR"
"""Set by `cli.supervisor` for its children: its process id."""

_PR_SET_PDEATHSIG = 1


def begin() -> None:
    """Called first by every process command."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for chatty in ("alembic", "aiohttp.access"):  # every start, every request
        logging.getLogger(chatty).setLevel(logging.WARNING)
    supervisor = os.environ.pop(SUPERVISOR, None)
    if supervisor and sys.platform == "linux":
        _stop_with(int(supervisor))


def _stop_with(supervisor: int) -> None:
    """A supervisor that was killed must not leave processes behind that hold ports and locks: the kernel tells us."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != supervisor:  # it ended before we asked
        sys.exit("outbid: the supervisor is gone")
