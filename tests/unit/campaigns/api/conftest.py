"""The REST API over HTTP, on a store with two advertisers in it."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from api.keys import KeyFile, Keys
from campaigns.api.service import Service
from campaigns.importing import import_file
from campaigns.store import Store
from domain.clock import from_env
from monitoring.health import Readiness
from monitoring.page import Page
from monitoring.process import LoopLag
from monitoring.web import Requests, Told, request_seconds
from tests.control_stores import new_control_store
from tests.json_schema import errors
from tests.unit.campaigns.test_importing import FILE

FAMILY = request_seconds("api")


class Told_(NamedTuple):
    """An answer."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Api:
    """Calls, each of whose answers is checked against the OpenAPI document."""

    def __init__(self, client: TestClient[Any, Any], keys: KeyFile, store: Store) -> None:
        self.client, self.keys, self.store = client, keys, store
        self.house, _ = keys.add("", ["read", "write", "money"])
        self.bank, _ = keys.add("bank", ["read", "write"])
        self.loans, _ = keys.add("loans", ["read", "write"])
        self.document: dict[str, Any] = {}

    async def __call__(
        self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str
    ) -> Told_:
        told = {"Authorization": f"Bearer {self.house if token is None else token}"}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            told.setdefault("Content-Type", "application/json")
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        async with self.client.request(method, path, data=data, headers=told) as answer:
            found = await answer.json(content_type=None)
            self._check(method, path.partition("?")[0], answer.status, found)
            return Told_(answer.status, found, answer.headers)

    async def patch(self, path: str, body: Any, token: str | None = None, match: str = "*") -> Told_:
        return await self("PATCH", path, body, token, If_Match=match)

    def _check(self, method: str, path: str, status: int, found: Any) -> None:
        for template, operations in self.document["paths"].items():
            if method.lower() in operations and _fits(path, template):
                answers = operations[method.lower()]["responses"]
                said = answers.get(str(status)) or answers[f"{status // 100}XX"]
                (schema,) = (each["schema"] for each in said["content"].values())
                wrong = list(errors(found, schema, self.document))
                assert not wrong, (method, path, status, wrong[:3])
                return
        assert status in (404, 405), (method, path, status)


def _fits(path: str, template: str) -> bool:
    here, there = path.split("/"), template.split("/")

    def same(one: str, other: str) -> bool:
        head, brace, rest = other.partition("{")
        if not brace:
            return one == other
        tail = rest.partition("}")[2]
        return one.startswith(head) and one.endswith(tail) and (bool(tail) or ":" not in one)

    return len(here) == len(there) and all(map(same, here, there))


def application(store: Store, keys: Path) -> web.Application:
    async def page() -> Page:
        return Page([FAMILY])

    async def ready() -> Readiness:
        return Readiness("api")

    return Service(store, from_env()).application(Keys(keys), Told(page, ready), Requests(FAMILY), LoopLag())


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with `FILE` in it, to be copied."""
    folder = tmp_path_factory.mktemp("filled")
    store = new_control_store(folder / "control.sqlite")
    fill(store, folder)
    store.close()
    return folder / "control.sqlite"


def fill(store: Store, folder: Path) -> None:
    (folder / "prime.txt").write_text("ifa:A1\n")
    (folder / "file.yaml").write_text(yaml.safe_dump(FILE))
    import_file(store, folder / "file.yaml", profiles=folder / "profiles.lmdb")


@pytest.fixture
def sqlite_store(tmp_path: Path, filled: Path) -> Iterator[Store]:
    path = tmp_path / "control.sqlite"
    path.write_bytes(filled.read_bytes())
    store = Store(f"sqlite:///{path}")
    yield store
    store.close()


async def served(store: Store, folder: Path) -> AsyncIterator[Api]:
    keys = KeyFile(folder / "keys.json")
    async with TestClient(TestServer(application(store, keys.path))) as client:
        api = Api(client, keys, store)
        async with client.get("/openapi.json") as answer:
            api.document = await answer.json()
        yield api


@pytest.fixture
async def api(sqlite_store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    async for each in served(sqlite_store, tmp_path):
        yield each
