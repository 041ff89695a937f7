"""Files that are replaced whole: at any instant, a power failure too, there is the old one or the new one."""

import os
from pathlib import Path
from threading import get_ident


def write_whole(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Puts a file in its place when it is on the disk, whoever else does so at the same time. ``mode``, less the
    process's umask, is who may read it. Raises OSError; then what was there stays.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
    try:
        with open(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode), "wb") as file:
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
