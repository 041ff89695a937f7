"""A PostgreSQL server of a test's own: Debian's package, started on a free port in a directory of its own."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

import psycopg

ROLE, PASSWORD = "outbid", "it's%20secret:/?@"
SHOWN_PASSWORD = "it%27s%2520secret%3A%2F%3F%40"
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 64MB
"""
QUICK = """
fsync = off
full_page_writes = off
"""
"""Committed is then what the kernel has, which outlives any process: as good for a test that kills the server."""


class NotInstalled(Exception):
    """There is no PostgreSQL server on this machine."""


class PostgresServer:
    """`start`, `kill` (SIGKILL to all its processes) and `start` again work on the same data; `remove` ends it.

    PostgreSQL refuses to run as root: for root it runs as another account, in a directory of /tmp, since that account
    may not enter root's own.
    """

    def __init__(self, *, durable: bool = False) -> None:
        installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
        found = installed[-1] if installed else shutil.which("postgres")
        if found is None:
            raise NotInstalled("PostgreSQL is not installed: tests/install-servers installs Debian's package")
        self._program = Path(found).resolve()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._account = _account() if os.getuid() == 0 else None
        self.root = Path(tempfile.mkdtemp(prefix="outbid-postgres-", dir="/tmp" if self._account else None))
        if self._account:
            os.chown(self.root, self._account.pw_uid, self._account.pw_gid)
        try:
            self._init(durable)
        except BaseException:
            self.remove()
            raise

    def _init(self, durable: bool) -> None:
        secret = self.root / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        initdb = self._program.with_name("initdb")
        options = f"-U {ROLE} -E UTF8 --locale=C.UTF-8 --auth=scram-sha-256 --no-sync --pwfile={secret}".split()
        with open(self.root / "output", "ab") as output:
            done = self._run([str(initdb), *options, "-D", str(self.root / "data")], output)
            if done.wait() != 0:
                raise RuntimeError(f"initdb fails:\n{(self.root / 'output').read_text()}")
        with open(self.root / "data" / "postgresql.conf", "a") as settings:
            settings.write(SETTINGS + f"port = {self.port}\n" + ("" if durable else QUICK))

    def url(self, database: str) -> str:
        return f"postgresql://{ROLE}:{SHOWN_PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str = "template1") -> str:
        """The name of a new one, like ``template``."""
        name = f"db_{secrets.token_hex(6)}"
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return name

    def drop_database(self, name: str) -> None:
        with self.connect("postgres") as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def end_session_with_lock(self, database: str, lock: int) -> None:
        """Ends the connection that holds an advisory lock, as a fault of the network would."""
        held = "FROM pg_locks WHERE locktype = 'advisory' AND (classid::bigint << 32) + objid::bigint = %s"
        with self.connect(database) as connection:
            ended = connection.execute(f"SELECT pg_terminate_backend(pid, 5000) {held}".encode(), (lock,)).fetchall()
        if ended != [(True,)]:
            raise RuntimeError(f"one session should have held the lock {lock}: {ended}")

    def connect(self, database: str) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=ROLE, password=PASSWORD, dbname=database, autocommit=True
        )

    def start(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            with open(self.root / "output", "ab") as output:
                self._process = self._run([str(self._program), "-D", str(self.root / "data")], output)
            while self._process.poll() is None and time.monotonic() < deadline:
                try:
                    self.connect("postgres").close()
                    return
                except psycopg.OperationalError:
                    time.sleep(0.02)
            said = (self.root / "output").read_text()
            # its killed children may still be on their way out
            if time.monotonic() > deadline or "still in use" not in said[-1000:]:
                raise RuntimeError(f"PostgreSQL does not start:\n{said}")
            time.sleep(0.1)

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            children = _children(self._process.pid)
            for pid in (self._process.pid, *children):
                _kill(pid)
            self._process.wait()

    def remove(self) -> None:
        self.kill()
        for _ in range(100):  # a killed child may still write
            shutil.rmtree(self.root, ignore_errors=True)
            if not self.root.exists():
                return
            time.sleep(0.05)

    def _run(self, command: list[str], output: IO[bytes]) -> "subprocess.Popen[bytes]":
        account = self._account
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=self.root,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=() if account else None,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _children(parent: int) -> list[int]:
    """Each is in a session of its own, so that a signal to the parent's group would not reach it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            if int(stat.rsplit(")", 1)[1].split()[1]) == parent:
                found.append(int(entry.name))
    return found


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
