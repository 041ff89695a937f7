"""``outbid risk graph``: files loaded, nodes and rings looked at, people forgotten, beside a service at work."""

import json
from pathlib import Path

import pytest

from cli import forgetting, risk_graph
from cli.main import main
from domain.settings import Places
from risk.graph import Edge, Graph
from risk.graph_batches import graph_directory
from risk.graph_kinds import parse_node

OFFICE = "ip:203.0.113.9"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(risk_graph, "SETTLE_S", 0)
    monkeypatch.setattr(forgetting, "SETTLE_S", 0)
    lines = [f"account:{n},{OFFICE}" for n in range(6)] + ["account:2,fraud", "account:7,device:a", "account:9"]
    (tmp_path / "edges.csv").write_text("\n".join(lines))
    return tmp_path


def test_a_file_is_loaded_beside_a_service_and_looked_at(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Graph.open(graph_directory(data), owner=True) as service:
        service.add([Edge(*(parse_node(text).key for text in ("account:7", "device:b")), 5, 2)])
        assert main(["risk", "graph", "load", str(data / "edges.csv")]) == 2
        said = capsys.readouterr()
        assert "9 lines: 7 edges, 1 labels, 1 refused" in said.out
        assert "line 9" in said.err
        assert service.refresh()
        assert service.features(parse_node(OFFICE).key).account_degree == 6
        assert main(["risk", "graph", "features", "account:7", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["device_degree"] in (1, 2)  # the log shows soon
    assert main(["risk", "graph", "fold"]) == 0
    assert "10 nodes, 8 edges" in capsys.readouterr().out
    assert main(["risk", "graph", "features", "account:7"]) == 0
    assert "device_degree        2" in capsys.readouterr().out
    assert main(["risk", "graph", "features", "account:777"]) == 1
    assert main(["risk", "graph", "features", "email:nobody"]) == 2
    assert "nobody" not in capsys.readouterr().err


def test_rings_are_what_many_share_those_near_fraud_first(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (data / "edges.csv").open("a") as file:
        file.write("\n" + "\n".join(f"account:{n},ip:198.51.100.1" for n in range(100, 130)))
    main(["risk", "graph", "load", str(data / "edges.csv")])
    capsys.readouterr()
    assert main(["risk", "graph", "rings", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["key"], first["shared_by"], first["shared_kind"]) == (parse_node(OFFICE).key, 6, "account")
    assert first["features"]["distance_to_fraud"] == 1
    assert second["shared_by"] == 30
    assert main(["risk", "graph", "rings", "--least", "7", "--limit", "1"]) == 0
    assert "30 account" in capsys.readouterr().out
    assert main(["risk", "graph", "rings", "--limit", "0"]) == 2


def test_people_forget_takes_the_graph_in(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["risk", "graph", "load", str(data / "edges.csv")])
    with Graph.open(graph_directory(data), owner=True) as service:
        service.add([Edge(parse_node("account:3").key, parse_node("device:c").key, 5, 2)])
    place = Places(data_dir=str(data), holds=500, reporter_port=1, control_url="http://127.0.0.1:1")
    said: list[str] = []
    assert forgetting.forget(place, parse_node("account:3").key, said.append), said
    assert "risk graph: 1 nodes removed with their edges" in said
    main(["risk", "graph", "load", str(data / "edges.csv")])
    with Graph.open(graph_directory(data)) as graph:
        assert graph.features(parse_node("account:3").key).component_size == 0
        assert graph.features(parse_node(OFFICE).key).account_degree == 5
    assert main(["risk", "graph", "forget", OFFICE, "account:2"]) == 0
    assert "2 nodes removed" in capsys.readouterr().out
    with Graph.open(graph_directory(data)) as graph:
        assert graph.features(parse_node("account:1").key).component_size == 0


def test_an_empty_graph_has_no_rings(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["risk", "graph", "rings", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
