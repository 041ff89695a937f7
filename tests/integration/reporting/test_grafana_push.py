"""`outbid grafana push` against Grafana's HTTP API as documented (`tests.grafana_server`: no real one can be had)."""

import socket
from collections.abc import Iterator

import pytest

from cli.main import main
from monitoring.rules import rules
from reporting.grafana.boards import BOARDS
from reporting.grafana.panels import MONITORING, REPORTS
from tests.grafana_server import GrafanaServer

UIDS = {board.uid for board in BOARDS}


@pytest.fixture(params=["", "/behind/a/proxy"])
def grafana(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[GrafanaServer]:
    server = GrafanaServer(request.param)
    server.password = "it's a secret"
    monkeypatch.setenv("OUTBID_REPORTING_STORE", "clickhouse://outbid:other@ch.example:9001/outbid")
    monkeypatch.setenv("OUTBID_GRAFANA_STORE", "clickhouse://grafana:it's%20a%20secret@ch.example:9001/outbid")
    monkeypatch.setenv("OUTBID_GRAFANA_TOKEN", server.TOKEN)
    yield server
    server.close()


def push(grafana: GrafanaServer, *options: str) -> int:
    return main(["grafana", "push", "--url", grafana.url, "--prometheus", "http://prometheus:9090", *options])


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, set[str]]:
    """What was said of what: created, changed … -> things."""
    found: dict[str, set[str]] = {}
    for line in capsys.readouterr().out.splitlines():
        done, thing = line[2:11].strip(), line[13:].partition(": it")[0].partition(": some")[0].partition(": but")[0]
        found.setdefault(done, set()).add(thing)
    return found


def test_all_is_made_once_and_then_left_alone(grafana: GrafanaServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert push(grafana, "--dry-run") == 0
    assert not grafana.writes
    wanted = told(capsys)["created"]
    assert push(grafana) == 0
    made = told(capsys)
    assert made == {"created": wanted}
    assert set(grafana.dashboards) == UIDS and {made[-1]["folderUid"] for made in grafana.dashboards.values()} == {
        "outbid"
    }
    source = grafana.sources[REPORTS.uid]
    assert source["type"] == REPORTS.type
    assert {name: source["jsonData"][name] for name in ("host", "port", "username", "defaultDatabase", "protocol")} == {
        "host": "ch.example",
        "port": 9001,
        "username": "grafana",
        "defaultDatabase": "outbid",
        "protocol": "native",
    }
    assert grafana.secrets[REPORTS.uid] == {"password": "it's a secret"}
    assert grafana.sources[MONITORING.uid]["url"] == "http://prometheus:9090"

    assert {name for _, name in grafana.groups} == {"outbid metrics", "outbid reports"}
    assert {rule["title"] for rule in grafana.groups["outbid", "outbid metrics"]["rules"]} == {
        f"Outbid: {rule.name.replace('_', ' ')}" for rule in rules()
    }

    before = list(grafana.writes)
    assert push(grafana) == 0
    assert told(capsys) == {"unchanged": wanted}
    assert grafana.writes == before
    assert all(len(versions) == 1 for versions in grafana.dashboards.values())


def test_what_differs_is_brought_up_to_date(grafana: GrafanaServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert push(grafana) == 0
    capsys.readouterr()
    older = BOARDS[0].uid
    grafana.edit(older, message="outbid grafana push", title="as an older release had it")
    grafana.folders["moved"] = {"id": 9, "uid": "moved", "title": "Somewhere else", "version": 1}
    for version in grafana.dashboards[older]:
        version["folderUid"] = "moved"
    grafana.sources[REPORTS.uid]["jsonData"]["host"] = "old.example"
    grafana.sources[REPORTS.uid]["isDefault"] = True
    grafana.groups["outbid", "outbid reports"]["rules"].pop()
    assert push(grafana) == 0
    assert told(capsys)["changed"] == {
        f"dashboard {BOARDS[0].title}",
        "data source Outbid reports",
        "3 alert rules 'outbid reports'",
    }
    last = grafana.dashboards[older][-1]
    assert (last["dashboard"]["title"], last["dashboard"]["version"]) == (BOARDS[0].title, 3)
    assert last["folderUid"] == "moved"  # where people put it
    assert grafana.sources[REPORTS.uid]["jsonData"]["host"] == "ch.example"
    assert grafana.sources[REPORTS.uid]["isDefault"] is True

    grafana.password = "a new one"  # nothing to see, but that the data source does not answer
    assert push(grafana) == 1
    grafana.password = "it's a secret"
    grafana.secrets[REPORTS.uid] = {"password": "the old one"}
    capsys.readouterr()
    assert push(grafana) == 0
    assert told(capsys)["changed"] == {"data source Outbid reports"}


@pytest.mark.parametrize("as_list", [False, True])
def test_what_people_changed_is_kept(as_list: bool, grafana: GrafanaServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert push(grafana) == 0
    capsys.readouterr()
    grafana.versions_as_list = as_list
    by_hand, provisioned, racing = BOARDS[0], BOARDS[1], BOARDS[2]
    grafana.edit(by_hand.uid, title="ours, bettered")
    grafana.provisioned.add(provisioned.uid)
    grafana.edit(provisioned.uid, title="from a file")
    grafana.edit(racing.uid, message="outbid grafana push", title="as an older release had it")

    def race(uid: str) -> None:
        if uid == racing.uid:
            grafana.on_read = lambda uid: None
            grafana.edit(uid, title="saved just now")

    grafana.on_read = race
    assert push(grafana) == 1
    said = told(capsys)
    assert said["kept"] == {f"dashboard {board.title}" for board in (by_hand, provisioned, racing)}
    titles = [grafana.dashboards[board.uid][-1]["dashboard"]["title"] for board in (by_hand, provisioned, racing)]
    assert titles == ["ours, bettered", "from a file", "saved just now"]
    grafana.provisioned.clear()
    assert push(grafana, "--overwrite") == 0
    assert {board.title for board in BOARDS} == {
        versions[-1]["dashboard"]["title"] for versions in grafana.dashboards.values()
    }


def test_without_prometheus_what_needs_it_is_left_out(
    grafana: GrafanaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["grafana", "push", "--url", grafana.url]) == 0
    needing = {board for board in BOARDS if board.needs_metrics()}
    assert set(grafana.dashboards) == UIDS - {board.uid for board in needing}
    assert MONITORING.uid not in grafana.sources
    assert {name for _, name in grafana.groups} == {"outbid reports"}
    assert {f"dashboard {board.title}" for board in needing} <= told(capsys).get("left out", set())
    for versions in grafana.dashboards.values():
        assert {panel["datasource"]["type"] for panel in versions[-1]["dashboard"]["panels"]} == {REPORTS.type}


def test_refusals_say_what_to_do(
    grafana: GrafanaServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    grafana.sources["theirs"] = {"uid": "theirs", "name": "Outbid reports", "type": "x", "version": 1}
    assert push(grafana) == 1
    assert "same name" in capsys.readouterr().out

    assert push(grafana, "--token", "wrong") == 1
    assert "token" in capsys.readouterr().err
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        assert main(["grafana", "push", "--url", f"http://127.0.0.1:{silent.getsockname()[1]}"]) == 1
    assert "does not answer" in capsys.readouterr().err
    for url in ("ftp://x", "grafana.example", "http://x:99999"):
        assert main(["grafana", "push", "--url", url]) == 2
        assert url in capsys.readouterr().err
    monkeypatch.delenv("OUTBID_GRAFANA_TOKEN")
    assert main(["grafana", "push"]) == 2
    refusal = capsys.readouterr().err
    assert "--url" in refusal and "--token" in refusal

    with monkeypatch.context() as changed:
        changed.delenv("OUTBID_GRAFANA_STORE")
        assert push(grafana, "--token", grafana.TOKEN, "--dry-run") == 0
        assert "may change data" in capsys.readouterr().err
    writes = len(grafana.writes)
    monkeypatch.setenv("OUTBID_REPORTING_STORE", "chdb")
    assert push(grafana, "--token", grafana.TOKEN) == 2
    refusal = capsys.readouterr().err
    assert "inside the reporter's process" in refusal and "clickhouse://" in refusal
    assert len(grafana.writes) == writes
    monkeypatch.setenv("OUTBID_REPORTING_STORE", "clickhouse://outbid:hush@ch.example:none/outbid")
    monkeypatch.delenv("OUTBID_GRAFANA_STORE")
    assert push(grafana, "--token", grafana.TOKEN) == 2
    refusal = capsys.readouterr().err
    assert "ch.example" in refusal and "hush" not in refusal
