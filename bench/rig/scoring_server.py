"""A risk or credit service for the bench: aiohttp on uvloop, answers made from the keys that are asked about.

scoring_server.py PORT risk|credit
"""

import sys
from typing import Any

import msgspec
import uvloop
from aiohttp import web


def risk(key: int, asked: dict[str, Any]) -> dict[str, Any]:
    scores: dict[str, Any] = {
        name: {"score": key % 900, "probability": None, "reasons": [], "version": 1} for name in asked["scores"]
    }
    return {"scores": scores, "lists": [], "graph": {}, "facts": {}, "subject": {"keys": asked["subject"]["ids"]}}


def credit(key: int, asked: dict[str, Any]) -> dict[str, Any]:
    return {"score": 300 + key % 601, "pd": key % 100 / 1000, "p_approved": 0.5, "reasons": [], "model": "table"}


def main() -> None:
    port, answer = int(sys.argv[1]), {"risk": risk, "credit": credit}[sys.argv[2]]

    async def score(request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read())
        key = int(asked["subject"]["ids"][0].removeprefix("key:"), 16)
        return web.Response(body=msgspec.json.encode(answer(key, asked)), content_type="application/json")

    application = web.Application()
    application.router.add_post("/v1/score", score)
    uvloop.install()
    web.run_app(application, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main()
