"""Keeping an open graph up to date: what every process does that has one open for long."""

import asyncio
import logging
import sys

from domain.errors import Unavailable
from risk.graph import Graph

EVERY_S, BETWEEN_S = 0.25, 0.005
"""So long after it was added an edge shows in other processes at most, with what the log takes (0.05 s). While
distances and scores are being worked out others get their turn between two pieces of that."""
AGAIN_S = 60.0
"""After a folding that failed."""

log = logging.getLogger(__name__)


async def keep(graph: Graph) -> None:
    """Refreshes and settles a graph until it is cancelled. For its owner it folds the log into a new snapshot when that
    is due, in a process of its own with a low priority, since it takes seconds of a processor.
    """
    loop, trouble, not_before = asyncio.get_running_loop(), "", 0.0
    while True:
        await asyncio.sleep(BETWEEN_S if graph.settle() else EVERY_S)
        try:
            graph.refresh()
            if graph.owned is not None and graph.due and loop.time() >= not_before:
                not_before = loop.time() + AGAIN_S
                await _fold(str(graph.owned))
            trouble = ""
        except (Unavailable, OSError) as error:  # a process that could not be started, too
            if str(error) != trouble:
                log.error("the graph stays as it was: %s", error)
            trouble = str(error)


async def _fold(directory: str) -> None:
    command = (sys.executable, "-m", "risk.graph_batches", directory)
    folding = await asyncio.create_subprocess_exec(*command)
    try:
        if await folding.wait():
            raise Unavailable(f"{directory}: making a new snapshot ended with {folding.returncode}")
    except asyncio.CancelledError:
        folding.terminate()
        raise
