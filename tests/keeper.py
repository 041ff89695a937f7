"""A ZooKeeper of its own for a test: where ClickHouse's replicas meet."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

JAR = Path("/usr/share/java/zookeeper.jar")
"""Of Debian's package ``zookeeper``."""
SETTINGS = """tickTime=500
dataDir={root}
clientPort={port}
clientPortAddress=127.0.0.1
admin.enableServer=false
"""


class Keeper:
    def __init__(self, root: Path) -> None:
        if not JAR.exists() or shutil.which("java") is None:
            pytest.skip("zookeeper is not installed: tests/install-servers installs Debian's package")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        root.mkdir(parents=True)
        (root / "zoo.cfg").write_text(SETTINGS.format(root=root, port=self.port))
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        options = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        with open(root / "output", "wb") as output:
            self._process = subprocess.Popen(
                ["java", *options, "-cp", f"{JAR}:{JAR.parent}/*", main, str(root / "zoo.cfg")],
                stdout=output,
                stderr=output,
            )
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"ZooKeeper does not start:\n{(root / 'output').read_text()}") from None
                time.sleep(0.05)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
