"""Control stores in SQLite as the migrations leave them: made once a process, and copied."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from campaigns.store import Store


def new_control_store(path: Path) -> Store:
    """A store in a new file."""
    shutil.copyfile(_template(), path)
    return Store(f"sqlite:///{path}")


@cache
def _template() -> Path:
    folder = tempfile.mkdtemp(prefix="outbid-control-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "control.sqlite"
    store = Store(f"sqlite:///{path}")
    store.migrate()
    store.close()
    return path
