"""The risk service as a process: killed with decisions answered, none of them is lost; keys and flows beside it."""

import asyncio
import json
import shutil
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cli.main import main
from tests.deployment import Deployment

EXAMPLE = Path(__file__).parents[2] / "examples" / "risk-flow.yaml"
CALLERS = 4


async def test_no_decision_that_was_answered_is_lost_and_keys_count_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path / "var"))

    def outbid(*arguments: str) -> str:
        assert main(["risk", *arguments]) == 0
        return capsys.readouterr().out

    async with aiohttp.ClientSession() as http:
        deployment = Deployment(tmp_path, {}, http)
        (deployment.data / "risk" / "flows").mkdir(parents=True)
        shutil.copy(EXAMPLE, deployment.data / "risk" / "flows")
        token = outbid(
            "key", "add", "--institution", "bank", "--scope", "risk:decide", "--scope", "risk:events"
        ).strip()
        answered: dict[str, Any] = {}
        server = await deployment.begin("risk", "serve")
        try:
            await begun(deployment)
            callers = [asyncio.create_task(decide(deployment, token, one, answered)) for one in range(CALLERS)]
            while len(answered) < 60:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            server.send_signal(signal.SIGKILL)
            await asyncio.gather(*callers)
            await server.wait()
            assert len(answered) >= 60
            server = await deployment.begin("risk", "serve")
            await begun(deployment)
            for id_, answer in answered.items():
                status, kept = await call(deployment, token, "GET", f"/v1/decisions/{id_}")
                assert status == 200 and kept["decision"] == answer["decision"] and kept["reasons"] == answer["reasons"]
                assert kept["subject"] == [*answer["subject"]["keys"], answer["subject"]["ip"]]
            # the graph had every event on disk before it was answered
            status, kept = await call(deployment, token, "POST", "/v1/decide", asked(0, 0))
            assert kept["graph"]["ip_degree"] == 1
            replayed = json.loads(outbid("replay", str(EXAMPLE), "--json"))
            assert replayed["decisions"] >= len(answered) and not replayed["moved"]
            id_ = next(iter(answered))
            assert json.loads(outbid("decision", id_))["decision_id"] == id_
            listed = outbid("key", "list")
            key = next(line.split()[0] for line in listed.splitlines() if "bank" in line)
            assert token not in listed
            outbid("key", "revoke", key)
            async with asyncio.timeout(10):
                while (await call(deployment, token, "GET", "/v1/flows"))[0] != 401:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        finally:
            if server.returncode is None:
                server.terminate()
            printed, _ = await server.communicate()
        assert server.returncode == 0, printed.decode()


async def begun(deployment: Deployment) -> None:
    async with asyncio.timeout(30):
        await deployment.answers(f"{deployment.risk}/health")


def asked(caller: int, number: int) -> dict[str, Any]:
    subject = {"ids": [f"device:{caller}-{number}"], "ip": f"198.51.100.{caller}"}
    return {"subject": subject, "flow": "instalments", "facts": {"amount": 1000 * number}}


async def decide(deployment: Deployment, token: str, caller: int, answered: dict[str, Any]) -> None:
    """Tells of events and asks for decisions, until nobody answers."""
    number = 0
    while True:
        try:
            subject = asked(caller, number)["subject"]
            status, _ = await call(deployment, token, "POST", "/v1/events", {"event": "click", "subject": subject})
            assert status == 200
            status, answer = await call(deployment, token, "POST", "/v1/decide", asked(caller, number))
        except aiohttp.ClientError:
            return
        assert status == 200, answer
        answered[answer["decision_id"]] = answer
        number += 1


async def call(deployment: Deployment, token: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with deployment.http.request(method, f"{deployment.risk}{path}", json=body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)
