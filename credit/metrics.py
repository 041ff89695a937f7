"""What the credit service tells Prometheus."""

from monitoring import process
from monitoring.page import Family
from monitoring.web import request_seconds

REQUESTS = request_seconds("credit")
SCORES = Family(
    "outbid_credit_scores_total", "counter", "Scores given, by how: applicant, person, unknown person.", ("how",)
)
OUTCOMES = Family(
    "outbid_credit_outcomes_total", "counter", "Outcomes that came: recorded, duplicate, contradiction.",
    ("kind", "status"),
)  # fmt: skip
APPLICATIONS = Family("outbid_credit_applications_total", "counter", "Applicants recorded for retraining.")
UNRECORDED = Family(
    "outbid_credit_unrecorded_total", "counter", "Applicants and matches whose record the disk did not take."
)
MODEL = Family("outbid_credit_model_version", "gauge", "When the model in service was made (Unix seconds); 0: none.")
PEOPLE = Family("outbid_credit_people", "gauge", "People in the table of scored ones.")
MATCHES = Family("outbid_credit_matches_total", "counter", "Matches made.")
EMPTY = Family("outbid_credit_matches_empty_total", "counter", "Matches without an offer.")
LOST = Family("outbid_credit_matches_lost_total", "counter", "Matches whose record the disk did not take.")
TROUBLE = Family("outbid_credit_trouble", "gauge", "Parts that do not work, or work with what they had.")

FAMILIES = (
    REQUESTS, SCORES, OUTCOMES, APPLICATIONS, UNRECORDED, MODEL, PEOPLE, MATCHES, EMPTY, LOST, TROUBLE,
    *process.FAMILIES,
)  # fmt: skip
