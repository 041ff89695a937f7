"""Deployments that live as long as a test."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from domain.clock import SECOND, ScaledClock
from tests.deployment import Deployment


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


@pytest.fixture
def deployment(tmp_path: Path, http: aiohttp.ClientSession) -> Deployment:
    """A new one on the machine's clock; nothing is running or defined."""
    return Deployment(tmp_path, {}, http)


@pytest.fixture
def compressed_day(tmp_path: Path, http: aiohttp.ClientSession) -> Callable[[float], Deployment]:
    """A deployment in which a day passes in so many seconds."""

    def make(seconds: float) -> Deployment:
        start = datetime(2027, 3, 16, 18, tzinfo=UTC)  # the accounts' days end within it
        clock = ScaledClock(int(start.timestamp()) * SECOND, time.time_ns(), 86_400 / seconds)
        return Deployment(tmp_path, {"OUTBID_CLOCK": clock.to_env()}, http)

    return make
