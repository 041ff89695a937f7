"""May we know the person behind a request to the tracker? Judged by the bid path's own table (docs/privacy.md).

What the caller says in its query is put where a bid request has it, so that one table, and one reading of each string,
decides here and there: ``gdpr`` and ``gdpr_consent`` (IAB TCF, "URL-based services"), ``gpp`` and ``gpp_sid``
(IAB GPP), ``us_privacy`` (CCPA User Signal API); and the browser's own headers ``Sec-GPC`` and ``DNT``.
"""

import re
from collections.abc import Mapping

import msgspec

from domain.exchange import Exchange, Privacy
from openrtb.decode import decode
from openrtb.privacy import use_of
from openrtb.request import Request
from openrtb.tcf import Vendor

PARAMETERS = ("gdpr", "gdpr_consent", "gpp", "gpp_sid", "us_privacy")
"""Of the query, and macros of the URLs that we redirect to."""

_SECTIONS = re.compile(r"-?[0-9]{1,3}([,_]-?[0-9]{1,3})*")
_NOBODY = Exchange(0, "", "USD", {})
_PAGE = {"id": "1", "imp": [{"id": "1", "banner": {"w": 1, "h": 1}}]}


class Consents:
    """Judges requests for one vendor, us. Belongs to one thread."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor, self._request = vendor, Request()

    def allow(self, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        """Whether a person may be recognised: no cookie and no join without. What cannot be read is a refusal; what is
        not there, or empty, says nothing.
        """
        told = {name: text for name in PARAMETERS if (text := query.get(name))}
        flags = {name: headers.get(header) for name, header in (("gpc", "Sec-GPC"), ("dnt", "DNT"))}
        if not told and not any(flags.values()):
            return True
        regs: dict[str, object] = {name: told[name] for name in ("gdpr", "gpp", "us_privacy") if name in told}
        if sections := told.get("gpp_sid"):
            if not _SECTIONS.fullmatch(sections):
                return False
            regs["gpp_sid"] = [int(number) for number in re.split("[,_]", sections)]
        if flags["gpc"]:
            regs["gpc"] = flags["gpc"]
        user = {"consent": told["gdpr_consent"]} if "gdpr_consent" in told else {}
        device = {"dnt": flags["dnt"]} if flags["dnt"] else {}
        try:
            body = msgspec.json.encode({**_PAGE, "regs": regs, "user": user, "device": device})
        except UnicodeEncodeError:  # bytes that are no UTF-8
            return False
        decode(self._request, body, _NOBODY, 0)
        return use_of(self._request, Privacy(), self._vendor) == "full"


def passed_on(query: Mapping[str, str]) -> dict[str, str]:
    """The signals that a request came with, for the next in a chain."""
    return {name: text for name in PARAMETERS if (text := query.get(name))}
