"""A Grafana as far as `outbid grafana push` talks to one, for tests.

A real one cannot be had here: neither Debian nor a package index that the tests may use has it. This one follows the
HTTP API as Grafana documents it (folders, data sources, dashboards and their versions, alert rule groups: paths,
answers, and the statuses 401, 404, 409 and 412 with their words), keeps what a real one keeps, and, like a real one,
never tells a secret and adds fields of its own to what it was given. It runs no query and draws no panel.
"""

import asyncio
import copy
import threading
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

Json = dict[str, Any]


class GrafanaServer:
    """Listens on a free port in a thread until `close`. ``writes``: the requests that changed something."""

    TOKEN = "glsa_of_a_service_account"

    def __init__(self, prefix: str = "") -> None:
        self.folders: dict[str, Json] = {}
        self.sources: dict[str, Json] = {}
        self.secrets: dict[str, Json] = {}
        self.dashboards: dict[str, list[Json]] = {}
        """Versions of each, the oldest first: dashboard, folderUid, message."""
        self.groups: dict[tuple[str, str], Json] = {}
        self.provisioned: set[str] = set()
        self.writes: list[str] = []
        self.password = ""
        """Whom ClickHouse lets in: a data source with another password is unhealthy."""
        self.versions_as_list = False
        """As before Grafana 11."""
        self.on_read: Callable[[str], None] = lambda uid: None
        """Called after a dashboard was read."""
        app = web.Application(middlewares=[self._admit])
        at = prefix + "/api"
        app.router.add_get(f"{at}/folders/{{uid}}", self._folder)
        app.router.add_post(f"{at}/folders", self._create_folder)
        app.router.add_get(f"{at}/datasources/uid/{{uid}}", self._source)
        app.router.add_get(f"{at}/datasources/uid/{{uid}}/health", self._health)
        app.router.add_post(f"{at}/datasources", self._create_source)
        app.router.add_put(f"{at}/datasources/uid/{{uid}}", self._update_source)
        app.router.add_get(f"{at}/dashboards/uid/{{uid}}", self._dashboard)
        app.router.add_get(f"{at}/dashboards/uid/{{uid}}/versions", self._versions)
        app.router.add_post(f"{at}/dashboards/db", self._save_dashboard)
        app.router.add_get(f"{at}/v1/provisioning/folder/{{folder}}/rule-groups/{{group}}", self._group)
        app.router.add_put(f"{at}/v1/provisioning/folder/{{folder}}/rule-groups/{{group}}", self._save_group)
        self._loop = asyncio.new_event_loop()
        self._runner = web.AppRunner(app)
        started = threading.Event()
        threading.Thread(target=self._serve, args=(started,), daemon=True).start()
        started.wait(10)
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}{prefix}"

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def edit(self, uid: str, message: str = "", **changed: Any) -> None:
        """Somebody saves a dashboard in the browser."""
        last = self.dashboards[uid][-1]
        dashboard = {**last["dashboard"], **changed, "version": last["dashboard"]["version"] + 1}
        self.dashboards[uid].append({**last, "dashboard": dashboard, "message": message})

    def _serve(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._runner.setup())
        self._loop.run_until_complete(web.TCPSite(self._runner, "127.0.0.1", 0).start())
        started.set()
        self._loop.run_forever()

    @web.middleware
    async def _admit(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.TOKEN}":
            return _answer({"message": "Invalid API key"}, 401)
        answer: web.StreamResponse = await handler(request)
        if request.method != "GET" and answer.status < 300:
            self.writes.append(f"{request.method} {request.path}")
        return answer

    async def _folder(self, request: web.Request) -> web.Response:
        found = self.folders.get(request.match_info["uid"])
        return _answer(found) if found else _answer({"message": "folder not found", "status": "not-found"}, 404)

    async def _create_folder(self, request: web.Request) -> web.Response:
        told = await request.json()
        same = [f for f in self.folders.values() if f["uid"] == told.get("uid") or f["title"] == told["title"]]
        if same:
            return _answer({"message": "a folder with the same name or uid already exists"}, 409)
        uid = told.get("uid") or f"made{len(self.folders)}"
        self.folders[uid] = {"id": len(self.folders) + 1, "uid": uid, "title": told["title"], "version": 1}
        return _answer(self.folders[uid])

    async def _source(self, request: web.Request) -> web.Response:
        found = self.sources.get(request.match_info["uid"])
        return _answer(found) if found else _answer({"message": "Data source not found"}, 404)

    async def _create_source(self, request: web.Request) -> web.Response:
        told = await request.json()
        if told["uid"] in self.sources or told["name"] in {source["name"] for source in self.sources.values()}:
            return _answer({"message": "data source with the same name already exists"}, 409)
        return self._keep_source(told, {"id": len(self.sources) + 1, "version": 1}, "Datasource added")

    async def _update_source(self, request: web.Request) -> web.Response:
        told, before = await request.json(), self.sources.get(request.match_info["uid"])
        if before is None:
            return _answer({"message": "Data source not found"}, 404)
        if before["readOnly"]:
            return _answer({"message": "Cannot update read-only data source"}, 403)
        if told.get("version", before["version"]) != before["version"]:
            return _answer({"message": "Datasource has already been updated by someone else"}, 409)
        return self._keep_source(told, {"id": before["id"], "version": before["version"] + 1}, "Datasource updated")

    def _keep_source(self, told: Json, numbers: Json, message: str) -> web.Response:
        uid = told["uid"]
        self.secrets[uid] = {**self.secrets.get(uid, {}), **told.get("secureJsonData", {})}
        shown = {name: value for name, value in told.items() if name != "secureJsonData"}
        fields = {name: True for name, value in self.secrets[uid].items() if value}
        base = {"orgId": 1, "isDefault": False, "basicAuth": False, "user": "", "database": "", "readOnly": False}
        self.sources[uid] = {**base, "url": "", **shown, **numbers, "secureJsonFields": fields}
        return _answer({"datasource": self.sources[uid], "id": numbers["id"], "message": message, "name": told["name"]})

    async def _health(self, request: web.Request) -> web.Response:
        uid = request.match_info["uid"]
        if self.sources[uid]["type"] != "grafana-clickhouse-datasource" or (
            self.secrets[uid].get("password", "") == self.password
        ):
            return _answer({"status": "OK", "message": "Data source is working"})
        return _answer({"status": "ERROR", "message": "code: 516, message: Authentication failed"}, 400)

    async def _dashboard(self, request: web.Request) -> web.Response:
        uid = request.match_info["uid"]
        if uid not in self.dashboards:
            return _answer({"message": "Dashboard not found"}, 404)
        last = self.dashboards[uid][-1]
        meta = {"folderUid": last["folderUid"], "provisioned": uid in self.provisioned, "isStarred": False}
        answer = _answer({"dashboard": last["dashboard"], "meta": meta})
        self.on_read(uid)
        return answer

    async def _versions(self, request: web.Request) -> web.Response:
        uid = request.match_info["uid"]
        if uid not in self.dashboards:
            return _answer({"message": "Dashboard not found"}, 404)
        told = [
            {"id": n, "uid": uid, "version": kept["dashboard"]["version"], "message": kept["message"], "createdBy": "u"}
            for n, kept in enumerate(self.dashboards[uid], 1)
        ][::-1][: int(request.query.get("limit", 1000))]
        return _answer(told if self.versions_as_list else {"continueToken": "", "versions": told})

    async def _save_dashboard(self, request: web.Request) -> web.Response:
        body = await request.json()
        told, folder = body["dashboard"], body.get("folderUid", "")
        if not told.get("title"):
            return _answer({"message": "Dashboard title cannot be empty", "status": "empty-name"}, 400)
        if folder and folder not in self.folders:
            return _answer({"message": "folder not found"}, 400)
        uid = told["uid"]
        if uid in self.provisioned:
            return _answer({"message": "Cannot save provisioned dashboard"}, 400)
        before = self.dashboards.get(uid)
        if before and not body.get("overwrite"):
            if told.get("id") is None:
                return _answer(
                    {"message": "A dashboard with the same uid already exists", "status": "name-exists"}, 412
                )
            if told.get("version") != before[-1]["dashboard"]["version"]:
                said = "The dashboard has been changed by someone else"
                return _answer({"message": said, "status": "version-mismatch"}, 412)
        version = before[-1]["dashboard"]["version"] + 1 if before else 1
        kept = copy.deepcopy(told) | {"id": len(self.dashboards) + (not before), "version": version, "weekStart": ""}
        kept.setdefault("annotations", {"list": [{"builtIn": 1, "name": "Annotations & Alerts", "type": "dashboard"}]})
        kept["schemaVersion"] = 41  # it migrates what it is given
        for panel in kept.get("panels", []):
            panel["pluginVersion"] = "12.0.0"
        self.dashboards.setdefault(uid, []).append(
            {"dashboard": kept, "folderUid": folder, "message": body.get("message", "")}
        )
        return _answer({"id": kept["id"], "uid": uid, "url": f"/d/{uid}/x", "status": "success", "version": version})

    async def _group(self, request: web.Request) -> web.Response:
        found = self.groups.get((request.match_info["folder"], request.match_info["group"]))
        return _answer(found) if found else _answer({"message": "rule group not found"}, 404)

    async def _save_group(self, request: web.Request) -> web.Response:
        at, told = (request.match_info["folder"], request.match_info["group"]), await request.json()
        if at[0] not in self.folders:
            return _answer({"message": "folder not found"}, 404)
        missing = {
            "title",
            "condition",
            "data",
            "noDataState",
            "execErrState",
            "for",
            "folderUID",
            "ruleGroup",
            "orgID",
        }
        if not isinstance(told["interval"], int) or any(missing - set(rule) for rule in told["rules"]):
            return _answer({"message": "bad request data"}, 400)
        rules = [{"id": n, "updated": "2026-11-26T10:00:00Z", **rule} for n, rule in enumerate(told["rules"], 1)]
        self.groups[at] = {**told, "title": at[1], "folderUid": at[0], "rules": rules}
        return _answer(self.groups[at])


def _answer(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")
