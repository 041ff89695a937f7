"""Settings of Grafana: section ``[grafana]``."""

from msgspec import Struct

from domain.settings import load


class Grafana(Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""
    """Where `outbid grafana push` finds Grafana (``https://grafana.example.com``)."""
    token: str = ""
    """Of a service account that may write folders, data sources, dashboards and alert rules."""
    store: str = ""
    """The analytics store as Grafana reaches it, with a user who may only read:
    ``clickhouse://user:password@host:port/database``. Empty: as ``[reporting] store`` has it, with a warning.
    """
    prometheus: str = ""
    """Base URL of the Prometheus that scrapes Outbid, as Grafana reaches it. Empty: nothing of metrics is made."""


def settings() -> Grafana:
    return load("grafana", Grafana)
