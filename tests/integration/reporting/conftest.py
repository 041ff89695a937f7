"""The two analytics stores, and a control process that serves names and bookings."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from domain.campaign import Rate, Snapshot
from pacing.protocol import Settlement, Settlements
from tests.clickhouse_server import ClickHouseServer

MEMORY, NEEDED_BYTES = Path("/dev/shm"), 2 << 30


def _folder() -> tempfile.TemporaryDirectory[str]:
    """In memory where there is enough: in these tests processes die, not disks, and stores wait for disks a lot."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > NEEDED_BYTES
    return tempfile.TemporaryDirectory(dir=MEMORY if roomy else None, ignore_cleanup_errors=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    with _folder() as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def clickhouse() -> Iterator[ClickHouseServer]:
    with _folder() as folder:
        server = ClickHouseServer(Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture(params=["chdb", "server"])
def store_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The setting ``[reporting] store``: an empty store of each kind."""
    if request.param == "chdb":
        return "chdb"
    server: ClickHouseServer = request.getfixturevalue("clickhouse")
    return server.address("db_" + "".join(c if c.isalnum() else "_" for c in tmp_path.name))


class Control:
    """What the reporter asks of control: ``GET /v1/snapshots/current``, ``/v1/settlements`` and ``/v1/rates``."""

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self.settlements: list[Settlement] = []
        self.rates: tuple[Rate, ...] = ()
        self.page = 1000
        control = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                if url.path == "/v1/snapshots/current" and control.snapshot is not None:
                    self._answer(msgspec.msgpack.encode(control.snapshot))
                elif url.path == "/v1/settlements":
                    asked = parse_qs(url.query)
                    rows = [row for row in control.settlements if row.id > int(asked["after"][0])]
                    page = rows[: min(control.page, int(asked["limit"][0]))]
                    self._answer(msgspec.json.encode(Settlements(tuple(page), 0)))
                elif url.path == "/v1/rates":
                    self._answer(msgspec.json.encode(control.rates))
                else:
                    self.send_error(404)

            def _answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def control() -> Iterator[Control]:
    serving = Control()
    yield serving
    serving.close()
