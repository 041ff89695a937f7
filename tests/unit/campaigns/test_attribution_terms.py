"""Windows of attribution: from a campaign file to the published snapshot, and what may not stand there."""

from copy import deepcopy
from typing import Any

import msgspec
import pytest

from campaigns.snapshot import compile_snapshot
from domain.attribution import DEFAULT, Attribution, Rules, resolved
from domain.campaign import Snapshot
from domain.clock import SECOND
from tests.unit.campaigns.test_importing import FILE, NOW, Desk

DAY = 86_400


@pytest.fixture
def desk(tmp_path: Any, store: Any) -> Desk:
    return Desk(tmp_path, store)


def told(owner: Any, campaign: Any) -> dict[str, Any]:
    content = deepcopy(FILE)
    for kind, said in (("advertisers", owner), ("campaigns", campaign)):
        if said is not None:
            content[kind][0]["attribution"] = said
    return content


def test_windows_go_all_the_way_to_the_snapshot(desk: Desk) -> None:
    content = told({"click_window": "7d", "view_window": "12h"}, {"view_window": 0, "viewable_only": True})
    desk.take(content)
    snapshot = compile_snapshot(desk.stored(), NOW)
    there = msgspec.msgpack.decode(msgspec.msgpack.encode(snapshot), type=Snapshot)
    (owner, *_), (campaign, *_) = there.advertisers, there.campaigns
    assert owner.attribution == Attribution(7 * DAY, DAY // 2)
    assert campaign.attribution == Attribution(None, 0, True)
    assert resolved([campaign.attribution, owner.attribution]) == Rules(7 * DAY * SECOND, 0, True)
    assert not desk.take(content).changed
    desk.take(told(None, {"viewable_only": False}))
    stored = desk.stored()
    said = [stored.campaigns["cards"].attribution, stored.advertisers["bank"].attribution]
    assert said == [Attribution(viewable_only=False), Attribution()] and resolved(said) == DEFAULT


@pytest.mark.parametrize(
    ("said", "path", "value"),
    [
        ([], "", []),
        ({"window": "7d"}, ".window", "7d"),
        ({"click_window": 0}, ".click_window", 0),
        ({"click_window": "91d"}, ".click_window", "91d"),
        ({"view_window": False}, ".view_window", False),
        ({"view_window": "1"}, ".view_window", "1"),
        ({"viewable_only": "yes"}, ".viewable_only", "yes"),
    ],
)
def test_what_is_no_window_is_refused_where_it_stands(desk: Desk, said: Any, path: str, value: object) -> None:
    for place, content in (("advertisers", told(said, None)), ("campaigns", told(None, said))):
        assert [(p, v) for p, v, _ in desk.refused(content)] == [(f"{place}[0].attribution{path}", value)]
