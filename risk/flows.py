"""The flows of a directory, taken up when their files change; every version that was ever in use is kept.

A file that cannot be used leaves the version before it in use, and is told of. A file that is gone takes its flow away.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from domain.errors import Problem, Refused
from domain.file_stamp import Stamp, stamp_of
from domain.whole_file import write_whole
from risk.flow import Flow, read_flow

VERSIONS = "flow-versions"
SUFFIX = ".yaml"

log = logging.getLogger(__name__)


class Flows:
    """Flows of the files ``*.yaml`` in ``directory``; ``versions``: where what they said is kept."""

    def __init__(self, directory: Path, versions: Path) -> None:
        self._directory, self._versions = directory, versions
        self._stamps: dict[Path, Stamp] = {}
        self._of_file: dict[Path, Flow] = {}
        self.flows: Mapping[str, Flow] = {}
        """By name; never changed, but replaced."""
        self._faults: dict[Path, str] = {}
        self.trouble: Mapping[str, str] = {}
        """File name -> why it cannot be used."""

    def get(self, name: str, institution: str) -> Flow:
        """A flow that an institution may call. Raises Refused."""
        flow = self.flows.get(name)
        if flow is None or not flow.may(institution):
            some = ", ".join(sorted(each.name for each in self.flows.values() if each.may(institution)))
            raise Refused([Problem("flow", name, f"it must be of {some}" if some else "there is no flow yet")])
        return flow

    def refresh(self) -> bool:
        """Looks for changes; says whether there were some."""
        found = {path: stamp for path in sorted(self._directory.glob(f"*{SUFFIX}")) if (stamp := stamp_of(path))}
        if found == self._stamps:
            return False
        faults = {path: why for path, why in self._faults.items() if path in found}
        of_file = {path: flow for path, flow in self._of_file.items() if path in found}
        for path, stamp in found.items():
            if self._stamps.get(path) == stamp:
                continue
            faults.pop(path, None)
            try:
                of_file[path] = flow = read_flow(path)
                self._keep(path, flow)
                log.info("flow %s: version %s is in use", flow.name, flow.version)
            except Refused as refusal:
                faults[path] = str(refusal)
                log.error("the flow of %s cannot be used: %s", path, refusal)
        flows: dict[str, Flow] = {}
        trouble = {path.name: why for path, why in faults.items()}
        for path, flow in sorted(of_file.items()):
            if flows.setdefault(flow.name, flow) is not flow:
                trouble[path.name] = f"flow: {flow.name!r} is not allowed; another file has a flow of this name"
        self._stamps, self._of_file, self._faults = found, of_file, faults
        self.flows, self.trouble = flows, trouble
        return True

    def text(self, name: str, version: str) -> str | None:
        """What a version of a flow says or said; None: it never was in use here."""
        if not name.replace("-", "_").isidentifier() or not version.isalnum():
            return None
        try:
            return (self._versions / name / f"{version}{SUFFIX}").read_text()
        except OSError:
            return None

    def _keep(self, path: Path, flow: Flow) -> None:
        kept = self._versions / flow.name / f"{flow.version}{SUFFIX}"
        if kept.exists():
            return
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, path.read_bytes())
