"""How exchanges take creatives for approval over their APIs: what is sent, and what an answer means. No I/O in here.

Google: Real-time Bidding API v1, https://developers.google.com/authorized-buyers/apis/realtimebidding/reference/rest
Xandr: Creative Service, https://learn.microsoft.com/en-us/xandr/bidders/creative-service
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

from domain.campaign import Advertiser
from domain.creative import Creative
from domain.exchange import ApprovalStatus, CreativeApi, Exchange
from openrtb.adapters import creative_content

MOST_REASONS = 10


class Call(NamedTuple):
    """One request, below the API's base URL."""

    method: str
    path: str
    body: dict[str, Any] | None = None


class Verdict(NamedTuple):
    status: ApprovalStatus
    reasons: tuple[str, ...] = ()


class Unusable(ValueError):
    """The API's answer is none that its documentation knows."""


class Exists(Exception):
    """The creative is there already: it is to be changed instead."""


class Missing(Exception):
    """The exchange does not know the creative."""


class Api(ABC):
    base_url: str

    @abstractmethod
    def create(self, exchange: Exchange, creative: Creative, owner: Advertiser) -> Call:
        """Submits a creative that the exchange has not seen."""

    @abstractmethod
    def change(self, exchange: Exchange, creative: Creative, owner: Advertiser) -> Call:
        """Submits one that it has seen otherwise; it is reviewed anew."""

    @abstractmethod
    def ask(self, exchange: Exchange, creative: Creative) -> Call:
        """Asks for its status."""

    def by_hand(self, creative: Creative) -> str:
        """Why only a person can submit this creative; empty if it can be done over the API."""
        return ""

    @abstractmethod
    def read(self, status: int, body: bytes) -> Verdict:
        """An answer with a status below 500 that is neither 401, 403 nor 429. Raises Exists, Missing, Unusable."""


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        raise Unusable("it is no JSON") from None
    if not isinstance(found, dict):
        raise Unusable("it is no JSON object")
    return found


class GoogleApi(Api):
    base_url = "https://realtimebidding.googleapis.com"
    statuses: Mapping[str, ApprovalStatus] = {
        "APPROVED": "approved",
        "DISAPPROVED": "disapproved",
        "PENDING_REVIEW": "pending",
        "CERTIFICATE_REQUIRED": "disapproved",
        "STATUS_UNSPECIFIED": "pending",
    }
    """`PolicyCompliance.status`."""

    def create(self, exchange: Exchange, creative: Creative, owner: Advertiser) -> Call:
        return Call("POST", self._path(exchange), self._body(exchange, creative, owner))

    def change(self, exchange: Exchange, creative: Creative, owner: Advertiser) -> Call:
        return Call("PATCH", f"{self._path(exchange)}/{creative.id}", self._body(exchange, creative, owner))

    def ask(self, exchange: Exchange, creative: Creative) -> Call:
        return Call("GET", f"{self._path(exchange)}/{creative.id}?view=SERVING_DECISION_ONLY")

    def read(self, status: int, body: bytes) -> Verdict:
        """The serving decision for open auctions: ``networkPolicyCompliance``; without one it is being reviewed."""
        if status == 409:
            raise Exists
        if status == 404:
            raise Missing
        found = _json(body)
        if status != 200:
            error = found.get("error")
            raise Unusable(str(error.get("message", "")) if isinstance(error, dict) else f"status {status}")
        decision = found.get("creativeServingDecision")
        compliance = decision.get("networkPolicyCompliance") if isinstance(decision, dict) else None
        if not isinstance(compliance, dict):
            return Verdict("pending")
        said = str(compliance.get("status", "STATUS_UNSPECIFIED"))
        if said not in self.statuses:
            raise Unusable(f"networkPolicyCompliance.status is {said!r}")
        topics = compliance.get("topics")
        names = [str(t["policyTopic"]) for t in topics or () if isinstance(t, dict) and t.get("policyTopic")]
        if self.statuses[said] != "disapproved":
            return Verdict(self.statuses[said])
        return Verdict("disapproved", tuple(names[:MOST_REASONS]) or (said,))

    def _path(self, exchange: Exchange) -> str:
        return f"/v1/buyers/{exchange.creative_account}/creatives"

    def _body(self, exchange: Exchange, creative: Creative, owner: Advertiser) -> dict[str, Any]:
        return {
            "creativeId": str(creative.id),
            "advertiserName": owner.name,
            "declaredClickThroughUrls": [creative.landing_url],
            **creative_content.google(exchange, creative),
        }


class XandrApi(Api):
    base_url = "https://api.adnxs.com"
    statuses: Mapping[str, ApprovalStatus] = {
        "audited": "approved",
        "rejected": "disapproved",
        "unauditable": "disapproved",
        "pending": "pending",
        "no_audit": "pending",
    }
    """``audit_status``."""

    def create(self, exchange: Exchange, creative: Creative, owner: Advertiser) -> Call:
        return Call("POST", f"/creative/{exchange.creative_account}", self._body(exchange, creative))

    def change(self, exchange: Exchange, creative: Creative, owner: Advertiser) -> Call:
        return Call("PUT", f"/creative/{exchange.creative_account}?code={creative.id}", self._body(exchange, creative))

    def ask(self, exchange: Exchange, creative: Creative) -> Call:
        return Call("GET", f"/creative?member_id={exchange.creative_account}&code={creative.id}")

    def by_hand(self, creative: Creative) -> str:
        return creative_content.xandr_by_hand(creative)

    def read(self, status: int, body: bytes) -> Verdict:
        found = _json(body).get("response")
        if not isinstance(found, dict):
            raise Unusable("it has no response")
        if error := found.get("error") or found.get("error_id"):
            if "already" in str(error) or "duplicate" in str(error).lower():
                raise Exists
            if found.get("error_code") == "NOT_FOUND" or status == 404 or "not found" in str(error).lower():
                raise Missing
            raise Unusable(str(error))
        creative = found.get("creative")
        if isinstance(found.get("creatives"), list):
            creative = found["creatives"][0] if found["creatives"] else None
            if creative is None:
                raise Missing
        if not isinstance(creative, dict):
            return Verdict("pending")
        said = str(creative.get("audit_status", "pending"))
        if said not in self.statuses:
            raise Unusable(f"audit_status is {said!r}")
        if self.statuses[said] != "disapproved":
            return Verdict(self.statuses[said])
        return Verdict("disapproved", (str(creative.get("audit_feedback") or said),))

    def _body(self, exchange: Exchange, creative: Creative) -> dict[str, Any]:
        return {
            "creative": {
                "code": str(creative.id),
                "allow_audit": True,
                "allow_ssl_audit": True,
                **creative_content.xandr(exchange, creative),
            }
        }


APIS: dict[CreativeApi, Api] = {"google": GoogleApi(), "xandr": XandrApi()}
