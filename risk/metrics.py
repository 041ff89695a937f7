"""What the risk service tells Prometheus."""

from monitoring import process
from monitoring.page import Family
from monitoring.web import request_seconds

REQUESTS = request_seconds("risk")
DECISIONS = Family("outbid_risk_decisions_total", "counter", "Decisions made.", ("flow", "decision"))
HITS = Family("outbid_risk_list_hits_total", "counter", "Subjects found on a list.", ("list",))
UNRECORDED = Family(
    "outbid_risk_decisions_unrecorded_total", "counter", "Decisions refused because they could not be recorded."
)
FLOW_TROUBLE = Family("outbid_risk_flow_trouble", "gauge", "1 while a flow's file cannot be used.", ("flow",))

FAMILIES = (REQUESTS, DECISIONS, HITS, UNRECORDED, FLOW_TROUBLE, *process.FAMILIES)
