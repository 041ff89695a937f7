"""Puts data sources and dashboards into a Grafana over HTTP, as often as one likes: what is there already stays.

A dashboard is saved over the version that was read, so that nobody's change is lost unseen; one that somebody changed
in Grafana is kept. What Grafana adds by itself (defaults, numbers) is no difference.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec

from reporting.grafana.alerts import Group
from reporting.grafana.client import Json, Rejected
from reporting.grafana.model import Dashboard
from reporting.grafana.sources import DataSource

FOLDER, FOLDER_TITLE = "outbid", "Outbid"
MESSAGE = "outbid grafana push"
"""What a version says that we saved. A dashboard whose newest version says otherwise was changed by somebody."""
Done = Literal["created", "changed", "unchanged", "kept", "refused", "left out"]


@dataclass(frozen=True)
class Outcome:
    """What became of one thing; ``why`` is for people, ``trouble``: it is not as it should be."""

    done: Done
    thing: str
    why: str = ""
    trouble: bool = False


class Api(Protocol):
    """What `reporting.grafana.client.Client` does."""

    def folder(self, uid: str) -> Json: ...
    def create_folder(self, uid: str, title: str) -> None: ...
    def source(self, uid: str) -> Json: ...
    def create_source(self, source: Json) -> None: ...
    def update_source(self, uid: str, source: Json) -> None: ...
    def health(self, uid: str) -> str: ...
    def dashboard(self, uid: str) -> Json: ...
    def last_message(self, uid: str) -> str | None: ...
    def save_dashboard(self, dashboard: Json, folder: str, message: str) -> None: ...
    def rule_group(self, folder: str, group: str) -> Json: ...
    def save_rule_group(self, folder: str, group: str, body: Json) -> None: ...


@dataclass(frozen=True)
class Push:
    """``dry``: reads and tells what would be done. ``overwrite``: dashboards that were changed in Grafana, too."""

    api: Api
    dry: bool = False
    overwrite: bool = False

    def folder(self) -> Outcome:
        thing = f"folder {FOLDER_TITLE}"
        if self.api.folder(FOLDER) is not None:
            return Outcome("unchanged", thing)
        if not self.dry:
            self.api.create_folder(FOLDER, FOLDER_TITLE)
        return Outcome("created", thing)

    def source(self, source: DataSource) -> Iterator[Outcome]:
        """A password cannot be read back: it is sent again when the data source does not answer."""
        thing = f"data source {source.name}"
        ours = msgspec.to_builtins(source)
        try:
            theirs = self.api.source(source.uid)
            if theirs is not None and theirs.get("readOnly"):
                yield Outcome("kept", thing, "it comes from a provisioning file")
                return
            done: Done = "created" if theirs is None else "unchanged"
            if theirs is not None and (not _holds(theirs, _visible(ours)) or not _has_secrets(theirs, ours)):
                done = "changed"
            if self.dry:
                yield Outcome(done, thing)
                return
            if done == "created":
                self.api.create_source(ours)
            elif done == "changed":
                self._update(theirs, ours)
            wrong = self.api.health(source.uid)
            if wrong and done == "unchanged" and source.secure_json_data is not None:
                self._update(theirs, ours)
                done, wrong = "changed", self.api.health(source.uid)
        except Rejected as error:
            why = f"{error}; another data source may have this name" if error.status == 409 else str(error)
            yield Outcome("refused", thing, why, trouble=True)
            return
        yield Outcome(done, thing, f"but it does not answer Grafana: {wrong}" if wrong else "", trouble=bool(wrong))

    def _update(self, theirs: Json, ours: dict[str, Any]) -> None:
        kept = {name: theirs[name] for name in ("id", "isDefault", "version") if name in theirs}
        self.api.update_source(ours["uid"], kept | ours)

    def dashboard(self, dashboard: Dashboard) -> Outcome:
        try:
            return self._dashboard(dashboard)
        except Rejected as error:
            if error.word != "version-mismatch":
                return Outcome("refused", f"dashboard {dashboard.title}", str(error), trouble=True)
        try:  # somebody saved it between our reading and our saving
            return self._dashboard(dashboard)
        except Rejected as error:
            return Outcome("refused", f"dashboard {dashboard.title}", str(error), trouble=True)

    def _dashboard(self, dashboard: Dashboard) -> Outcome:
        thing, ours = f"dashboard {dashboard.title}", msgspec.to_builtins(dashboard)
        theirs = self.api.dashboard(dashboard.uid)
        if theirs is None:
            if not self.dry:
                self.api.save_dashboard({**ours, "id": None}, FOLDER, MESSAGE)
            return Outcome("created", thing)
        held, meta = theirs["dashboard"], theirs.get("meta", {})
        if _holds(held, {name: value for name, value in ours.items() if name != "schemaVersion"}):
            return Outcome("unchanged", thing)
        if meta.get("provisioned"):
            return Outcome("kept", thing, "it comes from a provisioning file, which is to be changed instead", True)
        if not self.overwrite:
            said = self.api.last_message(dashboard.uid)
            if said is not None and said != MESSAGE:
                return Outcome("kept", thing, "somebody changed it in Grafana; --overwrite replaces it", trouble=True)
        if not self.dry:
            saved = {**ours, "id": held.get("id"), "version": held.get("version")}
            self.api.save_dashboard(saved, meta.get("folderUid") or FOLDER, MESSAGE)
        return Outcome("changed", thing)

    def alerts(self, group: Group) -> Outcome:
        """The group as a whole: a rule that we no longer have goes."""
        thing = f"{len(group.rules)} alert rules {group.name!r}"
        place = {"folderUID": FOLDER, "ruleGroup": group.name, "orgID": 1}
        rules = [msgspec.to_builtins(rule) for rule in group.rules]
        ours = {"title": group.name, "folderUid": FOLDER, "interval": group.interval_s}
        try:
            theirs = self.api.rule_group(FOLDER, group.name)
            if theirs is not None and _holds(theirs, {**ours, "rules": rules}):
                return Outcome("unchanged", thing)
            if not self.dry:
                self.api.save_rule_group(FOLDER, group.name, {**ours, "rules": [rule | place for rule in rules]})
        except Rejected as error:
            return Outcome("refused", thing, str(error), trouble=True)
        return Outcome("created" if theirs is None else "changed", thing)


def _visible(source: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in source.items() if name != "secureJsonData"}


def _has_secrets(theirs: Json, ours: dict[str, Any]) -> bool:
    """Each that we would send is set; one that is empty need not be."""
    known = theirs.get("secureJsonFields") or {}
    return all(known.get(name) for name, value in ours.get("secureJsonData", {}).items() if value)


def _holds(theirs: Any, ours: Any) -> bool:
    """Whether theirs is ours, but for fields that ours does not have."""
    if isinstance(ours, dict):
        return isinstance(theirs, dict) and all(name in theirs and _holds(theirs[name], ours[name]) for name in ours)
    if isinstance(ours, list | tuple):
        same = isinstance(theirs, list | tuple) and len(theirs) == len(ours)
        return same and all(map(_holds, theirs, ours))
    return bool(theirs == ours)
