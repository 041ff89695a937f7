"""A client of the REST API: what programs, and the command line, change campaigns with.

```python
client = Client("http://127.0.0.1:8087", "obk_…")
card = client.get("campaigns", "card")
client.update("campaigns", "card", {"daily_budget": "250"}, etag=card["etag"])
for item in client.all("line_items", filter='campaign = "card"'):
    ...
```
"""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Struct

from domain.errors import Problem, Refused, Unavailable

Resource = dict[str, Any]
TIMEOUT_S = 60.0
ANY = "*"


class Page(Struct, frozen=True):
    """One page of a list."""

    items: list[Resource]
    next_page_token: str
    total: int


class Diff(Struct, frozen=True):
    """What a version of a resource changed: (field, value before, value after)."""

    version: int
    against: int
    changes: list[tuple[str, Any, Any]]


class Rejected(Refused):
    """What the API answers to a call that it does not do. ``status``: of HTTP; ``detail``: in its words."""

    def __init__(self, status: int, detail: str, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.status, self.detail = status, detail


class Client:
    """For one caller, whose key is ``token``. Methods raise `Rejected`, and Unavailable where there is no answer.

    Kinds are as in the paths of docs/api.md: ``campaigns``, ``line_items``, …
    """

    def __init__(self, base: str, token: str, timeout_s: float = TIMEOUT_S) -> None:
        self._base, self._token, self._timeout_s = base.rstrip("/"), token, timeout_s

    def get(self, kind: str, key: str, *, deleted: bool = False) -> Resource:
        return self._resource("GET", _path(kind, key), query={"show_deleted": "true"} if deleted else {})

    def list(
        self,
        kind: str,
        *,
        filter: str = "",
        order_by: str = "",
        page_size: int = 50,
        page_token: str = "",
        deleted: bool = False,
    ) -> Page:
        query = {"filter": filter, "order_by": order_by, "page_token": page_token}
        query |= {"page_size": str(page_size), "show_deleted": "true" if deleted else "false"}
        told = self._resource("GET", _path(kind), query=query)
        return Page(told["items"], told["next_page_token"], told["total"])

    def all(self, kind: str, *, filter: str = "", order_by: str = "") -> Iterator[Resource]:
        """Every resource of a list, page by page."""
        token = ""
        while True:
            page = self.list(kind, filter=filter, order_by=order_by, page_size=500, page_token=token)
            yield from page.items
            token = page.next_page_token
            if not token:
                return

    def create(
        self, kind: str, body: Mapping[str, Any], *, idempotency_key: str = "", validate_only: bool = False
    ) -> Resource:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._resource("POST", _path(kind), body, headers, _checking(validate_only))

    def update(
        self, kind: str, key: str, patch: Mapping[str, Any], *, etag: str = ANY, validate_only: bool = False
    ) -> Resource:
        """Merges ``patch`` into a resource: None takes a field away."""
        return self._resource("PATCH", _path(kind, key), patch, {"If-Match": etag}, _checking(validate_only))

    def delete(self, kind: str, key: str, *, etag: str = ANY) -> Resource:
        return self._resource("DELETE", _path(kind, key), headers={"If-Match": etag})

    def restore(self, kind: str, key: str) -> Resource:
        return self._resource("POST", f"{_path(kind, key)}:restore")

    def revert(self, kind: str, key: str, version: int, *, etag: str = ANY) -> Resource:
        return self._resource("POST", f"{_path(kind, key)}:revert", {"version": version}, {"If-Match": etag})

    def batch(self, kind: str, edits: Sequence[Mapping[str, Any]], *, atomic: bool = True) -> Sequence[Resource]:
        """Edits as docs/api.md has them; a result for each."""
        found = self._resource("POST", f"{_path(kind)}:batch", {"items": edits, "atomic": atomic})["items"]
        return [dict(each) for each in found]

    def versions(self, kind: str, key: str) -> Sequence[Resource]:
        """The newest 100."""
        found = self._resource("GET", f"{_path(kind, key)}/versions", query={"page_size": "100"})["items"]
        return [dict(each) for each in found]

    def diff(self, kind: str, key: str, version: int, against: int = 0) -> Diff:
        path = f"{_path(kind, key)}/versions/{version}/diff"
        told = self._resource("GET", path, query={"against": str(against)})
        changes = [(one["field"], one["before"], one["after"]) for one in told["changes"]]
        return Diff(told["version"], told["against"], changes)

    def _resource(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Resource:
        url = f"{self._base}{path}?{urlencode(query)}" if query else f"{self._base}{path}"
        data = None if body is None else json.dumps(body, default=str).encode()  # decimals stay exact as text
        told = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **(headers or {})}
        request = urllib.request.Request(url, data, told, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
                found: Resource = json.loads(answer.read())
                return found
        except urllib.error.HTTPError as error:
            raise _rejected(error.code, error.read(), path) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"the API at {self._base} does not answer: {error}") from None


def _path(kind: str, key: str = "") -> str:
    return f"/v1/{quote(kind, safe='')}" + (f"/{quote(key, safe='')}" if key else "")


def _checking(only: bool) -> dict[str, str]:
    return {"validate_only": "true"} if only else {}


def _rejected(status: int, body: bytes, path: str) -> Exception:
    try:
        told = json.loads(body)
        detail = str(told.get("detail") or told["title"])
        errors = [Problem(one["field"], one["value"], one["allowed"]) for one in told.get("errors", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        return Unavailable(f"the API answered {status} to {path}, and nothing that can be read")
    if status >= 500:
        return Unavailable(f"the API answered {status}: {detail}")
    return Rejected(status, detail, errors or [Problem(path, status, detail)])
