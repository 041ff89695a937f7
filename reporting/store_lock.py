"""Who writes into a store: one process of a host at a time."""

from pathlib import Path

from domain.file_lock import FileLock
from domain.naming import name_id


class StoreLock(FileLock):
    """Held by the process of a host that writes into a store: the reporter, or a replay."""

    def __init__(self, data: Path, address: str) -> None:
        super().__init__(data / f"reporter-{name_id(address):016x}.lock")
