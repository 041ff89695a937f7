"""The scopes that keys of the credit service have."""

from credit import match_api, outcome_api, score_api

SCOPES = (score_api.SCOPE, outcome_api.SCOPE, *match_api.SCOPES)
"""What keys may be made for."""
