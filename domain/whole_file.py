"""Files that are replaced whole: at any instant, a power failure too, there is the old one or the new one."""

import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Puts a file in its place when it is on the disk. Raises OSError; then what was there stays."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes sure that names in a folder outlive a power failure."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
