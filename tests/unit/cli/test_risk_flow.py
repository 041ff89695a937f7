"""``outbid risk flow`` and ``replay`` as a person has them."""

import asyncio
import shutil
import time
from pathlib import Path

import msgspec
import pytest

from cli.main import main
from domain.errors import Refused
from risk.decisions import Decision, DecisionLog, nonce, packed
from risk.flow import read_flow

EXAMPLE = Path(__file__).parents[3] / "examples" / "risk-flow.yaml"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    (tmp_path / "risk" / "flows").mkdir(parents=True)
    return tmp_path


def test_flows_are_checked_and_listed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    version = read_flow(EXAMPLE).version
    wrong = data / "wrong.yaml"
    wrong.write_text(
        EXAMPLE.read_text().replace("reject_from: 700", "reject_from: 7000").replace("list: grey", "list: gray")
    )
    assert main(["risk", "flow", "check", str(EXAMPLE)]) == 0
    assert capsys.readouterr().out == f"{EXAMPLE}: flow instalments, version {version}, 14 steps\n"
    assert main(["risk", "flow", "check", str(EXAMPLE), str(wrong)]) == 2
    assert (
        capsys.readouterr().err == f"{wrong}: steps[3].list: 'gray' is not allowed; it must be of black, grey, white\n"
    )
    shutil.copy(EXAMPLE, data / "risk" / "flows")
    assert main(["risk", "flow", "list"]) == 0
    assert version in capsys.readouterr().out
    assert main(["risk", "flow", "values"]) == 0
    said = capsys.readouterr().out
    assert {"score.fraud", "graph.distance_to_fraud", "lenders_7d", "list.white"} <= {*said.split()}


def test_a_dry_run_says_what_would_change(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Decision(
        nonce(), time.time_ns(), "bank", "instalments", "v", "approve", ("OTHERWISE",), 0.0, packed([1]), ("ifa",), "",
        {"lenders_7d": 4.0}, {}, (), {},
    )  # fmt: skip
    old = msgspec.structs.replace(made, time_ns=made.time_ns - 40 * 86_400_000_000_000)

    async def record() -> None:
        log = DecisionLog(data / "risk")
        for one in (made, made, old, msgspec.structs.replace(made, flow="other")):
            await log.record(one)
        log.close()

    asyncio.run(record())
    stricter = data / "stricter.yaml"
    stricter.write_text(EXAMPLE.read_text().replace("points: 30", "points: 60"))
    assert main(["risk", "replay", str(stricter)]) == 0
    said = capsys.readouterr().out
    assert "2 decisions of the flow instalments in the last 30 days" in said
    assert "2 (100.00%) would have been others" in said and "approve to review" in said and "MANY_LENDERS" in said
    assert main(["risk", "replay", str(EXAMPLE), "--of", "all", "--days", "100"]) == 0
    assert "4 decisions of all flows" in (said := capsys.readouterr().out) and "0 (0.00%)" in said
    assert main(["risk", "replay", str(EXAMPLE), "--days", "0"]) == 2
    assert main(["risk", "decision", "00"]) == 1


def test_a_key_is_of_an_institution_with_a_name_and_of_scopes_that_there_are(data: Path) -> None:
    from cli import api_keys
    from cli.risk_key import _scopes

    asked = type("Asked", (), {"institution": "/etc", "scope": ["risk:all"], "days": -1, "rate": 1e9, "note": ""})
    with pytest.raises(Refused) as raised:
        api_keys._make(asked, _scopes, data / "keys.json")  # type: ignore[arg-type]
    assert [problem.path for problem in raised.value.problems] == ["--scope", "--institution", "--days", "--rate"]
