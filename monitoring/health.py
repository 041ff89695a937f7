"""Readiness: whether a process can do its work, and why not, or only how."""

import orjson
from msgspec import Struct, field


class Readiness(Struct):
    """What ``/ready`` says: 200 while there are no ``reasons``, else 503."""

    process: str
    reasons: dict[str, str] = field(default_factory=dict)
    """Why the process cannot do its work, by what is wrong."""
    degraded: dict[str, str] = field(default_factory=dict)
    """What is wrong although it can."""

    @property
    def ready(self) -> bool:
        return not self.reasons

    @property
    def status(self) -> int:
        return 200 if self.ready else 503

    def body(self) -> bytes:
        """JSON."""
        told = {"ready": self.ready, "process": self.process, "reasons": self.reasons, "degraded": self.degraded}
        return orjson.dumps(told)
