"""A ClickHouse server of a test's own: Debian's package, started on a free port in a directory of the test."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import Error

CONFIG = """<yandex>
    <logger><level>warning</level><log>{root}/server.log</log><errorlog>{root}/errors.log</errorlog></logger>
    <listen_host>127.0.0.1</listen_host>
    <tcp_port>{port}</tcp_port>
    <path>{root}/data/</path>
    <tmp_path>{root}/tmp/</tmp_path>
    <user_files_path>{root}/files/</user_files_path>
    <mark_cache_size>67108864</mark_cache_size>
    <users_config>{root}/users.xml</users_config>
    <default_profile>default</default_profile>
    <default_database>default</default_database>
    {more}
</yandex>
"""
USERS = """<yandex>
    <profiles><default></default></profiles>
    <quotas><default></default></quotas>
    <users></users>
</yandex>
"""
PASSWORD = "it's%20secret"
DEPLOYED_USER = Path(__file__).parents[1] / "deploy" / "clickhouse" / "users.d" / "outbid.xml"


class ClickHouseServer:
    """`start`, `kill` (SIGKILL) and `start` again work on the same data."""

    def __init__(self, root: Path, more: str = "") -> None:
        """``more``: of the server's configuration."""
        program = shutil.which("clickhouse-server")
        if program is None:
            pytest.skip("clickhouse-server is not installed: tests/install-servers installs Debian's package")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        (root / "config.xml").write_text(CONFIG.format(root=root, port=self.port, more=more))
        (root / "users.xml").write_text(USERS)
        (root / "users.d").mkdir(exist_ok=True)
        user = DEPLOYED_USER.read_text().replace("PASSWORD_SHA256", hashlib.sha256(PASSWORD.encode()).hexdigest())
        (root / "users.d" / "outbid.xml").write_text(user)
        self._command = [program, f"--config-file={root}/config.xml"]
        self._process: subprocess.Popen[bytes] | None = None

    def address(self, database: str) -> str:
        return f"clickhouse://outbid:{PASSWORD.replace('%', '%25')}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        with open(self.root / "output", "ab") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=output, cwd=self.root)
        deadline = time.monotonic() + 60
        while True:
            client = Client("127.0.0.1", self.port, user="outbid", password=PASSWORD, connect_timeout=2)
            try:
                client.execute("SELECT 1")
                return
            except (OSError, EOFError, Error):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"clickhouse-server does not start:\n{(self.root / 'output').read_text()}"
                    ) from None
                time.sleep(0.05)
            finally:
                client.disconnect()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
