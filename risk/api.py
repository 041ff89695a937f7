"""All operations of the risk service, and the scopes that keys have."""

from risk import decide_api, event_api, lists_api, people_api, score_api

SCOPES = (
    score_api.SCOPE, decide_api.SCOPE, event_api.SCOPE, event_api.LABELS, lists_api.SCOPE, lists_api.READ,
    people_api.SCOPE,
)  # fmt: skip
"""What keys may be made for."""
