"""What the reporter tells of logs and store goes on after a look at them that failed."""

import asyncio
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest

from domain.clock import from_env
from prediction.drift import Drift, Finding, Report
from reporting import metrics
from reporting.metrics import Metrics


async def test_a_look_that_fails_is_not_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "LOOK_S", 0.0)
    looked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def lag() -> dict[str, object]:
        loop.call_soon_threadsafe(looked.set)
        return {}

    feed = Mock(ready=threading.Event(), shipper=None, trouble="", failures=0, aside=Mock(count=0))
    feed.behind = Mock(side_effect=[ArithmeticError("of another kind"), *[{"log": 7}] * 10_000])
    feed.lag = lag
    told = Metrics(feed, tmp_path, from_env())
    watching = asyncio.create_task(told.watch())
    try:
        await asyncio.wait_for(looked.wait(), 10)
        assert 'outbid_reporter_lag{source="log"} 7' in (await told.page()).render()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_drift_is_told_by_target_and_subject(tmp_path: Path) -> None:
    moved = Drift("site", 0.3, 0.01, 0.2, 0.0, 0.1, 0.1, 0.0, 0.0)
    report = Report(100, (moved,), (Finding("site", "critical", "Feature site …"),))
    feed = Mock(ready=threading.Event(), shipper=None, trouble="", failures=0, aside=Mock(count=0))
    page = (await Metrics(feed, tmp_path, from_env(), drifts=lambda: {"ctr": report}).page()).render()
    assert 'outbid_reporter_model_drift_psi{target="ctr",subject="site"} 0.3' in page
    assert 'outbid_reporter_model_drift_findings{target="ctr",severity="critical"} 1' in page
    assert 'outbid_reporter_model_drift_findings{target="ctr",severity="warning"} 0' in page
