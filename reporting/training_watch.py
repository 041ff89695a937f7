"""Starts the training job now and then, in a process of its own, and tells what became of it.

The job looks at what is due by itself (`outbid train --scheduled`); here is only when it is asked. It is one at a time,
behind everything else that runs on the host (nice), and ends with the reporter.
"""

import logging
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from domain.clock import SECOND, Clock
from prediction.drift import Report
from reporting import training_status
from reporting.config import Training
from reporting.feed import Feed

LOOK_S = 1.0
"""Real seconds between two looks at whether it is time."""
STOP_S = 10.0
NICE = 10

log = logging.getLogger(__name__)


class TrainingWatch(threading.Thread):
    """``command`` starts the job."""

    def __init__(self, data: Path, settings: Training, feed: Feed, clock: Clock, command: Sequence[str]) -> None:
        super().__init__(name="training", daemon=True)
        self._data, self._settings, self._feed, self._clock = data, settings, feed, clock
        self._command = tuple(command)
        self._ending = threading.Event()
        self._job: subprocess.Popen[bytes] | None = None

    def drifts(self) -> Mapping[str, Report]:
        """What was last found of each target's live model: a metric."""
        return training_status.read(self._data).drift

    def run(self) -> None:
        if not self._settings.enabled or not self._command:
            return
        asked_ns, rest_until = self._clock.now_ns(), time.monotonic() + self._settings.least_pause_s
        while not self._ending.wait(LOOK_S):
            if self._job is not None:
                if (status := self._job.poll()) is None:
                    continue
                if status:
                    log.error("the training job ended with status %d", status)
                self._job = None
            now_ns = self._clock.now_ns()
            due = now_ns - asked_ns >= self._settings.look_s * SECOND and time.monotonic() >= rest_until
            if due and self._feed.ready.is_set():
                asked_ns, rest_until = now_ns, time.monotonic() + self._settings.least_pause_s
                self._start()

    def _start(self) -> None:
        try:
            self._job = subprocess.Popen(
                ["nice", "-n", str(NICE), *self._command],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "OUTBID_SUPERVISOR": str(os.getpid())},  # as `cli.process` reads it: it ends with us
            )
        except OSError as error:
            log.error("the training job cannot be started: %s", error)

    def stop(self) -> None:
        self._ending.set()
        self.join()
        if self._job is not None and self._job.poll() is None:
            self._job.terminate()
            try:
                self._job.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._job.kill()
                self._job.wait()
