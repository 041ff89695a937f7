"""What the recorder does between events."""

import asyncio
from pathlib import Path

import pytest

from domain.clock import from_env
from eventlog.writer import LogWriter
from targeting.profiles import ProfileStore
from trackers import recorder
from trackers.audience_rules import RuleBook
from trackers.memory import Memory
from trackers.recorder import Recorder
from trackers.rule_revision import Revision


async def test_what_is_due_is_looked_at_while_new_rules_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "LOOK_AGAIN_S", 0)
    did: list[str] = []
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def step(revision: Revision, memory: Memory, now_s: int) -> bool:
        did.append("step")
        if did.count("step") == 3:
            loop.call_soon_threadsafe(ended.set)
        return False

    def look(memory: Memory, now_s: int) -> int:
        did.append("look")
        return 0

    monkeypatch.setattr(Revision, "step", step)
    monkeypatch.setattr(Memory, "look_again", look)
    monkeypatch.setattr(Memory, "revision", lambda memory, folder, now_s: Revision(RuleBook(), {}, folder, now_s))
    log = LogWriter(tmp_path / "log")
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        working = Recorder(log, Memory(store, "money/0"), from_env())
        remembering = asyncio.create_task(working.remember())
        await ended.wait()
        working.close()
        await remembering
    log.close()
    assert did[:6] == ["look", "look", "step", "look", "step", "look"]
