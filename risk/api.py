"""All operations of the risk service, and the scopes that keys have."""

from risk import decide_api, event_api, score_api

SCOPES = (score_api.SCOPE, decide_api.SCOPE, event_api.SCOPE)
"""What keys may be made for."""
