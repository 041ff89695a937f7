"""What the watcher tells Prometheus."""

from monitoring import process
from monitoring.page import Family
from monitoring.web import request_seconds

REQUESTS = request_seconds("watcher")
UP = Family("outbid_watcher_up", "gauge", "1 if the process answered the last time it was asked.", ("target",))
SKEW = Family(
    "outbid_watcher_clock_skew_seconds", "gauge", "How far a process's clock is off the watcher's.", ("target",)
)
SCRAPE = Family("outbid_watcher_scrape_seconds", "gauge", "Time that a process took to tell its metrics.", ("target",))
ALERTS = Family("outbid_watcher_alerts", "gauge", "Alerts that are not over, by state.", ("rule", "severity", "state"))
SENT = Family("outbid_watcher_notifications_total", "counter", "Attempts to deliver alerts.", ("channel", "outcome"))
WAITING = Family("outbid_watcher_notifications_waiting", "gauge", "Alerts not delivered yet.", ("channel",))

FAMILIES = (REQUESTS, UP, SKEW, SCRAPE, ALERTS, SENT, WAITING, *process.FAMILIES)
