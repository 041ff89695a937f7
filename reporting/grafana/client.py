"""Grafana's HTTP API through the package ``grafana-api``, which is imported when somebody connects.

The package knows folders, data sources and dashboards; what is newer than it (its last release is of 2020: data
sources by uid, versions of dashboards, health, alert rules) goes through the same connection by path.
"""

from typing import Any
from urllib.parse import quote, urlsplit

from domain.errors import Unavailable
from domain.settings import SettingsError

_TIMEOUT_S = 30.0
Json = Any


class Rejected(Exception):
    """Grafana's answer was an error: ``status`` of HTTP, ``word`` of Grafana's (``version-mismatch``), if any."""

    def __init__(self, status: int, message: str, word: str = "") -> None:
        super().__init__(f"{message} (status {status})")
        self.status, self.word = status, word


class Client:
    """Raises `Unavailable` when Grafana cannot be reached or used at all, `Rejected` when it refuses one thing."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1 or parts.query or parts.username:
            raise SettingsError(f"Grafana's URL is {url!r}; it must read https://host[:port][/path]")
        from grafana_api.grafana_face import GrafanaFace

        prefix = parts.path.strip("/")
        self._url = url
        self._face = GrafanaFace(
            auth=token,
            host=f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname,
            port=port,
            url_path_prefix=f"{prefix}/" if prefix else "",
            protocol=parts.scheme,
            timeout=_TIMEOUT_S,
        )

    def folder(self, uid: str) -> Json:
        """None: there is none."""
        return self._found(self._face.folder.get_folder, quote(uid, safe=""))

    def create_folder(self, uid: str, title: str) -> None:
        self._call(self._face.folder.create_folder, title, uid)

    def source(self, uid: str) -> Json:
        return self._found(self._face.api.GET, f"/datasources/uid/{quote(uid, safe='')}")

    def create_source(self, source: Json) -> None:
        self._call(self._face.datasource.create_datasource, source)

    def update_source(self, uid: str, source: Json) -> None:
        self._call(self._face.api.PUT, f"/datasources/uid/{quote(uid, safe='')}", json=source)

    def health(self, uid: str) -> str:
        """What is wrong with a data source; empty: it answers."""
        try:
            told = self._call(self._face.api.GET, f"/datasources/uid/{quote(uid, safe='')}/health")
        except Rejected as error:
            return str(error)
        return "" if told.get("status") == "OK" else str(told.get("message", told))

    def dashboard(self, uid: str) -> Json:
        """``{"dashboard": …, "meta": …}``"""
        return self._found(self._face.dashboard.get_dashboard, quote(uid, safe=""))

    def last_message(self, uid: str) -> str | None:
        """What whoever saved the dashboard last said of it; None: this Grafana does not tell."""
        told = self._found(self._face.api.GET, f"/dashboards/uid/{quote(uid, safe='')}/versions?limit=1")
        versions = told.get("versions") if isinstance(told, dict) else told  # an object since Grafana 11
        return str(versions[0].get("message", "")) if versions else None

    def save_dashboard(self, dashboard: Json, folder: str, message: str) -> None:
        """Refused with the word ``version-mismatch`` if it is no longer the one whose ``version`` it has."""
        body = {"dashboard": dashboard, "folderUid": folder, "message": message, "overwrite": False}
        self._call(self._face.dashboard.update_dashboard, body)

    def rule_group(self, folder: str, group: str) -> Json:
        return self._found(self._face.api.GET, _group_path(folder, group))

    def save_rule_group(self, folder: str, group: str, body: Json) -> None:
        """From then on Grafana lets nobody edit these rules in the browser, so that nothing of theirs can get lost."""
        self._call(self._face.api.PUT, _group_path(folder, group), json=body)

    def _found(self, call: Any, *arguments: Any) -> Json:
        try:
            return self._call(call, *arguments)
        except Rejected as error:
            if error.status == 404:
                return None
            raise

    def _call(self, call: Any, *arguments: Any, **named: Any) -> Json:
        from grafana_api.grafana_api import GrafanaException
        from requests.exceptions import RequestException

        try:
            return call(*arguments, **named)
        except GrafanaException as error:
            body = error.response if isinstance(error.response, dict) else {}
            message = str(body.get("message") or error.message)
            if error.status_code == 401:
                raise Unavailable(f"Grafana at {self._url} does not take the token: {message}") from None
            if error.status_code == 403:
                raise Unavailable(f"Grafana at {self._url} does not let the token do this: {message}") from None
            raise Rejected(error.status_code, message, str(body.get("status", ""))) from None
        except RequestException as error:
            raise Unavailable(f"Grafana at {self._url} does not answer: {error}") from None
        except (TypeError, ValueError) as error:  # an answer that is no JSON
            raise Unavailable(f"what answers at {self._url} is not Grafana: {error}") from None


def _group_path(folder: str, group: str) -> str:
    return f"/v1/provisioning/folder/{quote(folder, safe='')}/rule-groups/{quote(group, safe='')}"
