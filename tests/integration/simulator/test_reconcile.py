"""Three books side by side: what agrees, what differs, and what has not drained."""

import asyncio
import json
import os
import random
import sys
from itertools import islice
from typing import Any

import pytest

from cli.reconcile import reconcile, show
from domain.clock import SystemClock
from simulator.config import SimulatorSettings, Trouble
from simulator.run import run_traffic, synthetic

SETTINGS = SimulatorSettings(seed=3, persons=200, trouble=Trouble(late=0, forged=0))


@pytest.fixture
async def traded(dsp: Any) -> Any:
    await run_traffic(dsp.places, SETTINGS, source=islice(synthetic(SETTINGS, SystemClock(), random.Random(2)), 60))
    return dsp


async def test_books_that_agree_are_said_to_agree(traded: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = await reconcile(traded.places)
    assert found.agree
    assert show(found)
    assert capsys.readouterr().out.rstrip().splitlines()[-1].startswith("The books agree: ")


async def test_one_nano_is_a_difference(traded: Any, capsys: pytest.CaptureFixture[str]) -> None:
    traded.stored_too_much = 1
    found = await reconcile(traded.places)
    spend = next(book for book in found.books if book.exchange == "usx").figures[0]["spend"]
    assert f"usx: spend: exchange {spend}, ledger {spend}, store {spend + 1}" in found.differences
    assert not show(found)
    assert "DIFFERS" in capsys.readouterr().out


async def test_books_are_not_compared_before_the_ledger_has_caught_up(traded: Any) -> None:
    traded.ledger_behind = 17
    found = await reconcile(traded.places, timeout_s=0.3)
    assert found.waiting == ("the ledger is 17 bytes of event log behind",)
    assert not found.agree


async def test_nothing_agrees_while_control_is_away(traded: Any) -> None:
    from msgspec.structs import replace

    found = await reconcile(replace(traded.places, control_port=1), timeout_s=0.3)
    assert not found.agree
    assert "must both answer" in found.waiting[0]


async def test_the_command_tells_all_in_one_json_object(dsp: Any, tmp_path: Any) -> None:
    told_places = {name: getattr(dsp.places, name) for name in dsp.places.__struct_fields__ if name != "services"}
    places = {f"OUTBID_OUTBID_{name.upper()}": str(value) for name, value in told_places.items()}
    settings = tmp_path / "outbid.toml"
    settings.write_text("[simulator]\npersons = 200\n[simulator.trouble]\nlate = 0\n")
    places["OUTBID_CONFIG"] = str(settings)
    command = [sys.executable, "-m", "cli.main", "simulate", "--rate", "100", "--for", "0.5", "--json"]
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **places}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    told = json.loads(out)
    assert told["agree"] is True
    assert told["faults"] == []
    assert told["traffic"]["requests"] > 0
    assert {book["exchange"] for book in told["books"]} <= {"usx", "cnx"}
