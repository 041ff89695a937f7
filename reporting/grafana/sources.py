"""Grafana's data sources: the analytics store for what reports count, Prometheus for metrics."""

from urllib.parse import unquote, urlsplit

from msgspec import Struct

from domain.settings import SettingsError
from reporting.grafana.panels import MONITORING, PLUGIN_VERSION, REPORTS

EMBEDDED = (
    "[reporting] store is 'chdb': the engine is inside the reporter's process, where Grafana cannot ask it. Dashboards "
    "need a ClickHouse server: set [reporting] store to clickhouse://user:password@host:port/database "
    "(deploy/clickhouse/README.md), or use `outbid report`"
)


class ServerOptions(Struct, frozen=True, rename="camel"):
    """``jsonData`` of the ClickHouse plugin."""

    host: str
    port: int
    username: str
    default_database: str
    protocol: str = "native"
    version: str = PLUGIN_VERSION


class PrometheusOptions(Struct, frozen=True, rename="camel"):
    http_method: str = "POST"


class Secrets(Struct, frozen=True):
    password: str


class DataSource(Struct, frozen=True, rename="camel", omit_defaults=True):
    """As it is created over HTTP and in provisioning files; Grafana never tells what is in ``secure_json_data``."""

    uid: str
    name: str
    type: str
    access: str
    json_data: ServerOptions | PrometheusOptions
    url: str = ""
    secure_json_data: Secrets | None = None


def of_store(address: str) -> DataSource:
    """Of ``clickhouse://user:password@host:port/database``. Raises SettingsError, for the embedded engine too."""
    if address == "chdb":
        raise SettingsError(EMBEDDED)
    url = urlsplit(address)
    try:
        port = url.port or 9000
    except ValueError:
        port = 0
    database = url.path.strip("/") or "outbid"
    if url.scheme != "clickhouse" or not url.hostname or not port or not database.isidentifier():
        raise SettingsError(
            f"the analytics store is {_without_password(address)!r}; for Grafana it must read"
            " clickhouse://user:password@host:port/database"
        )
    return DataSource(
        REPORTS.uid,
        "Outbid reports",
        REPORTS.type,
        "proxy",
        ServerOptions(url.hostname, port, unquote(url.username or "default"), database),
        secure_json_data=Secrets(unquote(url.password or "")),
    )


def of_prometheus(url: str) -> DataSource:
    """Raises SettingsError for what is no address of HTTP."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"[grafana] prometheus is {url!r}; it must read http://host:port or https://host:port")
    return DataSource(MONITORING.uid, "Outbid metrics", MONITORING.type, "proxy", PrometheusOptions(), url=url)


def _without_password(address: str) -> str:
    scheme, found, rest = address.partition("://")
    return f"{scheme}{found}…@{rest.rpartition('@')[2]}" if "@" in rest else address
