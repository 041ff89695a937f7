"""Redis servers of a test's own: Debian's package, on free ports, in directories of the test; alone or as a cluster."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import hiredis
import pytest

from targeting.redis_address import Words, pack_command

PASSWORD = "it's:secret"
USER_PASSWORD = "it%27s%3Asecret"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """`start`, `kill` (SIGKILL), `stop` and `go_on` (it hangs in between) work on the same data."""

    def __init__(self, root: Path, *options: str, password: str = PASSWORD) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("redis-server is not installed: tests/install-servers installs Debian's package")
        self.root, self.port, self.password = root, free_port(), password
        root.mkdir(parents=True, exist_ok=True)
        self._command = [
            program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(root), "--save", "",
            "--appendonly", "yes", "--appendfsync", "no",
            *(("--requirepass", password, "--masterauth", password) if password else ()), *options,
        ]  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return (
            f"redis://:{USER_PASSWORD}@127.0.0.1:{self.port}/2" if self.password else f"redis://127.0.0.1:{self.port}"
        )

    def start(self) -> None:
        with open(self.root / "output", "ab") as output:
            self.process = subprocess.Popen(self._command, stdout=output, stderr=output)
        deadline = time.monotonic() + 30
        while True:
            try:
                if self.ask("PING") == b"PONG":
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"redis-server does not start:\n{(self.root / 'output').read_text()}")
            time.sleep(0.02)

    def ask(self, *words: str | int | bytes) -> object:
        """One command on a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            reader = hiredis.Reader()
            commands: list[Words] = [("AUTH", self.password)] if self.password else []
            connection.sendall(b"".join(pack_command(command) for command in [*commands, words]))
            reply: object = False
            for _ in [*commands, words]:
                while (reply := reader.gets()) is False:
                    reader.feed(connection.recv(65_536))
            return reply

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()


class RedisCluster:
    """Three masters that share the slots."""

    def __init__(self, root: Path) -> None:
        self.bus = [free_port() for _ in range(3)]
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port")
        self.nodes = [RedisServer(root / str(bus), *options, str(bus)) for bus in self.bus]

    @property
    def url(self) -> str:
        return f"redis+cluster://:{USER_PASSWORD}@127.0.0.1:{self.nodes[0].port},127.0.0.1:{self.nodes[1].port}"

    def start(self) -> None:
        bounds = [0, 5_461, 10_923, 16_384]
        for i, node in enumerate(self.nodes):
            node.start()
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
            node.ask("CLUSTER", "ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1)
        for node, bus in zip(self.nodes[1:], self.bus[1:], strict=True):
            self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, bus)
        deadline = time.monotonic() + 30
        while not all(self._agrees(node) for node in self.nodes):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the cluster does not form: {self.nodes[0].ask('CLUSTER', 'INFO')!r}")
            time.sleep(0.05)

    def _agrees(self, node: RedisServer) -> bool:
        info, slots = node.ask("CLUSTER", "INFO"), node.ask("CLUSTER", "SLOTS")
        return isinstance(info, bytes) and b"cluster_state:ok" in info and isinstance(slots, list) and len(slots) == 3

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()
