"""The same as files for Grafana's provisioning and for Prometheus: ``python -m reporting.grafana.provisioning``.

They lie in ``deploy/``; what differs from place to place (the store's address, its user's password) is taken from the
environment of the Grafana that reads them.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from monitoring.rules import BUILT_IN, Rule
from reporting.grafana.alerts import groups, prometheus
from reporting.grafana.boards import BOARDS
from reporting.grafana.model import encoded
from reporting.grafana.panels import MONITORING, REPORTS
from reporting.grafana.push import FOLDER, FOLDER_TITLE
from reporting.grafana.sources import DataSource, PrometheusOptions, Secrets, ServerOptions

DEPLOY = Path(__file__).parents[2] / "deploy"
_MADE = "# Made by `python -m reporting.grafana.provisioning`: change reporting/grafana, not this file.\n"
_SOURCES = (
    DataSource(
        REPORTS.uid,
        "Outbid reports",
        REPORTS.type,
        "proxy",
        ServerOptions("$OUTBID_CLICKHOUSE_HOST", 9000, "grafana", "outbid"),
        secure_json_data=Secrets("$OUTBID_CLICKHOUSE_PASSWORD"),
    ),
    DataSource(
        MONITORING.uid, "Outbid metrics", MONITORING.type, "proxy", PrometheusOptions(), url="$OUTBID_PROMETHEUS_URL"
    ),
)


def files(rules: Iterable[Rule] = BUILT_IN) -> dict[str, bytes]:
    """Path below ``deploy/`` -> content."""
    rules = tuple(rules)
    dashboards = {f"grafana/dashboards/{board.uid}.json": encoded(board.laid_out()) for board in BOARDS}
    provider = {
        "name": "outbid",
        "orgId": 1,
        "folder": FOLDER_TITLE,
        "folderUid": FOLDER,
        "type": "file",
        "disableDeletion": False,
        "allowUiUpdates": False,
        "options": {"path": "/var/lib/grafana/dashboards/outbid"},
    }
    alerting = [
        {
            "orgId": 1,
            "name": group.name,
            "folder": FOLDER_TITLE,
            "interval": f"{group.interval_s}s",
            "rules": group.rules,
        }
        for group in groups(rules)
    ]
    return dashboards | {
        "grafana/provisioning/datasources/outbid.yaml": _yaml({"apiVersion": 1, "datasources": _SOURCES}),
        "grafana/provisioning/dashboards/outbid.yaml": _yaml({"apiVersion": 1, "providers": [provider]}),
        "grafana/provisioning/alerting/outbid.yaml": _yaml({"apiVersion": 1, "groups": alerting}),
        "prometheus/outbid-rules.yaml": _yaml(
            {"groups": [{"name": "outbid", "interval": "15s", "rules": prometheus(rules)}]}
        ),
    }


def _yaml(content: Any) -> bytes:
    text: str = yaml.safe_dump(msgspec.to_builtins(content), sort_keys=False, width=120, allow_unicode=True)
    return (_MADE + text).encode()


def write(folder: Path = DEPLOY, rules: Iterable[Rule] = BUILT_IN) -> list[Path]:
    """Writes them below a folder; returns their paths."""
    written = []
    for name, content in files(rules).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written


if __name__ == "__main__":
    for made in write():
        print(made.relative_to(DEPLOY.parent))
