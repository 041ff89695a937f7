"""All dashboards."""

from reporting.grafana import delivery, exchanges, finance, latency, models, pacing
from reporting.grafana.panels import Board

BOARDS: tuple[Board, ...] = (
    delivery.BOARD,
    pacing.BOARD,
    finance.BOARD,
    exchanges.BOARD,
    latency.BOARD,
    models.BOARD,
)
