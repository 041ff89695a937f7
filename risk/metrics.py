"""What the risk service tells Prometheus."""

from monitoring import process
from monitoring.page import Family
from monitoring.web import request_seconds

REQUESTS = request_seconds("risk")
DECISIONS = Family("outbid_risk_decisions_total", "counter", "Decisions made.", ("flow", "decision"))
UNRECORDED = Family("outbid_risk_unrecorded_total", "counter", "Decisions refused because they could not be recorded.")
HITS = Family("outbid_risk_list_hits_total", "counter", "Entries of lists that counted for a subject.", ("list",))
EVENTS = Family("outbid_risk_events_total", "counter", "Events taken.", ("event",))
FLOWS = Family("outbid_risk_flows", "gauge", "Decision flows in use.")
FLOW_TROUBLE = Family("outbid_risk_flows_refused", "gauge", "Files of flows that cannot be used.")
GRAPH_NODES = Family("outbid_risk_graph_nodes", "gauge", "Nodes of the graph.")
GRAPH_EDGES = Family("outbid_risk_graph_edges", "gauge", "Edges of the graph.")

FAMILIES = (
    REQUESTS, DECISIONS, UNRECORDED, HITS, EVENTS, FLOWS, FLOW_TROUBLE, GRAPH_NODES, GRAPH_EDGES, *process.FAMILIES,
)  # fmt: skip
