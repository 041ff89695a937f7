"""An application made of operations: who may call, what is refused and how, many calls in one, the document of it."""

import asyncio
import errno
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from msgspec import Meta, Struct

from api.application import application
from api.batch import batch_of
from api.keys import KeyFile, Keys
from api.operations import PUBLIC, Call, Operation
from api.problem import Failure
from domain.errors import Problem, Refused, Unavailable
from monitoring.health import Readiness
from monitoring.page import Page
from monitoring.process import LoopLag
from monitoring.web import Requests, Told, request_seconds
from tests.json_schema import errors

SECONDS = request_seconds("risk")


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    number: Annotated[int, Meta(ge=0)]
    how: str = "plainly"


class Answer(Struct, frozen=True):
    """What came of it."""

    doubled: int
    whose: str


class Filter(Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1)] = 10


async def double(call: Call) -> Answer:
    match call.body.how:
        case "refused":
            raise Refused([Problem("number", call.body.number, "another one")])
        case "away":
            raise Unavailable("the store is away")
        case "taken":
            raise Failure(409, "somebody was faster")
        case "bug":
            raise KeyError("x")
        case "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        case "slowly":
            await asyncio.sleep(5)
    return Answer(2 * call.body.number, call.key.institution)


async def shelf(call: Call) -> Answer:
    return Answer(call.query.limit, call.path["name"])


DOUBLE = Operation(
    "POST", "/v1/double", "Twice a number", Question, Answer, "math", double, most_bytes=2_000, seconds=0.2
)
OPERATIONS = (
    DOUBLE,
    batch_of(DOUBLE, most=3),
    Operation("GET", "/v1/shelves/{name}", "A shelf", None, Answer, PUBLIC, shelf, query=Filter),
)


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[TestClient[Any, Any], KeyFile]]:
    requests = Requests(SECONDS)

    async def page() -> Page:
        made = Page([SECONDS])
        requests.put(made)
        return made

    async def ready() -> Readiness:
        return Readiness("risk")

    file = KeyFile(folder / "keys.json")
    app = application(
        "Math", "1", OPERATIONS, Keys(file.path), told=Told(page, ready), requests=requests, lag=LoopLag()
    )
    async with TestClient(TestServer(app)) as client:
        yield client, file


async def post(client: TestClient[Any, Any], path: str, token: str, body: Any, **headers: str) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    async with client.post(path, data=data, headers=told) as answer:
        assert answer.content_type == ("application/json" if answer.status == 200 else "application/problem+json")
        found = await answer.json(content_type=None)
        if answer.status != 200:
            assert found["status"] == answer.status and found["title"]
        return answer.status, found


async def test_what_is_refused_is_a_problem_document_of_its_status(tmp_path: Path) -> None:
    async with served(tmp_path) as (client, file):
        token, _ = file.add("bank", ["math"])
        other, _ = file.add("bank", ["art"])
        assert await post(client, "/v1/double", token, {"number": 4}) == (200, {"doubled": 8, "whose": "bank"})
        assert (await post(client, "/v1/double", "", {"number": 4}))[0] == 401
        status, told = await post(client, "/v1/double", other, {"number": 4})
        assert status == 403 and "math" in told["detail"]
        for body, expected in (
            (b"{", 400), (b"\xff", 400), (b"", 400), (b"[" * 1_900, 400), ({"number": -1}, 422), ({"n": 1}, 422),
            ([], 422), ({"number": 4, "how": "x" * 2_000}, 413), ({"number": 4, "how": "refused"}, 422),
            ({"number": 4, "how": "away"}, 503), ({"number": 4, "how": "taken"}, 409),
            ({"number": 4, "how": "slowly"}, 503), ({"number": 4, "how": "bug"}, 500),
            ({"number": 4, "how": "full"}, 503),
        ):  # fmt: skip
            status, told = await post(client, "/v1/double", token, body)
            assert status == expected, (body, told)
        status, told = await post(client, "/v1/double", token, {"number": -1, "what": [1]})
        assert told["errors"] == [
            {"field": "number", "value": -1, "allowed": "it must be a whole number at least 0"},
            {"field": "what", "value": "[1]", "allowed": "there is no such field; the fields here are number, how"},
        ]
        assert (await post(client, "/v1/double", token, b"number=4", **{"Content-Type": "text/plain"}))[0] == 415
        assert (await post(client, "/v1/nothing", token, {}))[0] == 404
        async with client.get("/v1/double") as answer:
            assert answer.status == 405 and answer.headers["Allow"] == "POST"
            assert (await answer.json(content_type=None))["status"] == 405


async def test_a_body_without_a_length_is_measured_as_it_comes(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 500

    async with served(tmp_path) as (client, file):
        token, _ = file.add("bank", ["math"])
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with client.post("/v1/double", data=endless(), headers=headers) as answer:
            assert answer.status == 413
        # a body that is announced and never comes ends with the operation's time
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(f"POST /v1/double HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n".encode())
        writer.write(b"Content-Length: 100\r\n\r\n{")
        assert (await reader.readline()).startswith(b"HTTP/1.1 503")
        writer.close()


async def test_parameters_of_path_and_query_are_checked(tmp_path: Path) -> None:
    async with served(tmp_path) as (client, _):
        async with client.get("/v1/shelves/top?limit=3") as answer:
            assert await answer.json() == {"doubled": 3, "whose": "top"}
        for query in ("limit=0", "limit=x", "other=1"):
            async with client.get(f"/v1/shelves/top?{query}") as answer:
                assert answer.status == 422 and (await answer.json(content_type=None))["errors"]


async def test_items_of_a_batch_have_results_of_their_own_and_all_count(tmp_path: Path) -> None:
    async with served(tmp_path) as (client, file):
        token, _ = file.add("bank", ["math"], rate=4)
        items = [{"number": 1}, {"number": -1}, {"number": 2, "how": "bug"}]
        status, told = await post(client, "/v1/double/batch", token, {"items": items})
        assert status == 200 and [item["status"] for item in told["items"]] == [200, 422, 500]
        assert told["items"][0]["result"] == {"doubled": 2, "whose": "bank"}
        assert told["items"][1]["problem"]["errors"][0]["field"] == "number"
        assert "result" not in told["items"][1] and "problem" not in told["items"][0]
        assert (await post(client, "/v1/double/batch", token, {"items": items}))[0] == 200
        status, told = await post(client, "/v1/double/batch", token, {"items": items})
        assert status == 429

    async with served(tmp_path / "other") as (client, file):
        (tmp_path / "other").mkdir()
        token, _ = file.add("bank", ["*"])
        for wrong in ({"items": []}, {"items": items * 2}, {"items": 3}, items):
            assert (await post(client, "/v1/double/batch", token, wrong))[0] == 422


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


async def test_the_document_says_what_the_operations_are(tmp_path: Path) -> None:
    async with served(tmp_path) as (client, file):
        token, _ = file.add("bank", ["math"])
        async with client.get("/openapi.json") as answer:
            document = await answer.json()
        assert document["openapi"] == "3.1.0"
        known = document["components"]["schemas"]
        assert {reference.rpartition("/")[2] for reference in references(document)} <= known.keys()
        assert document["paths"].keys() == {"/v1/double", "/v1/double/batch", "/v1/shelves/{name}"}
        one = document["paths"]["/v1/double"]["post"]
        assert one["security"] == [{"key": ["math"]}]
        taken = one["requestBody"]["content"]["application/json"]["schema"]
        given = one["responses"]["200"]["content"]["application/json"]["schema"]
        for body in ({"number": 4}, {"number": -1}, {"number": 4, "x": 1}, {"how": "x"}, {"number": "4"}, []):
            status, told = await post(client, "/v1/double", token, body)
            assert (status == 200) == (not list(errors(body, taken, document))), body
            wrong = one["responses"]["4XX"]["content"]["application/problem+json"]["schema"]
            assert not list(errors(told, given if status == 200 else wrong, document))
        many = document["paths"]["/v1/double/batch"]["post"]
        schema = many["requestBody"]["content"]["application/json"]["schema"]
        assert not list(errors({"items": [{"number": 1}]}, schema, document))
        assert list(errors({"items": [{"number": -1}]}, schema, document))
        shelves = document["paths"]["/v1/shelves/{name}"]["get"]
        assert [(each["name"], each["in"], each["required"]) for each in shelves["parameters"]] == [
            ("name", "path", True),
            ("limit", "query", False),
        ]
        assert shelves["security"] == []


@pytest.mark.parametrize("path", ["/health", "/live", "/ready", "/metrics", "/openapi.json"])
async def test_pages_of_machines_need_no_key(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as (client, _), client.get(path) as answer:
        assert answer.status == 200
