"""``outbid report`` against a reporter that answers well, or breaks off; and the tokens it makes."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from cli.main import main
from domain.keys import internal_secret, load_keys, report_key
from reporting import scope
from tests.trade import snapshot


class Reporter(BaseHTTPRequestHandler):
    """Says what it was asked, and by whom; of XLSX only the beginning comes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/v1/snapshots/current":
            body = msgspec.msgpack.encode(snapshot())
        else:
            body = f"{self.path}\n{self.headers.get('Authorization')}\n".encode()
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        if "xlsx" in self.path:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def reporter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), Reporter)
    for name in ("REPORTER_PORT", "CONTROL_PORT"):
        monkeypatch.setenv(f"OUTBID_OUTBID_{name}", str(server.server_port))
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path / "data"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_is_whole_or_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "it.csv"
    asked = [
        "report",
        "--by",
        "day",
        "--metrics",
        "spend",
        "--filter",
        "campaign:a|b",
        "--filter",
        "deal!:",
        "--top",
        "3",
    ]
    assert main([*asked, "--output", str(path)]) == 0
    first = path.read_text().splitlines()[0]
    assert first == "/v1/report?by=day&metrics=spend&filter=campaign%3Aa%7Cb&filter=deal%21%3A&top=3&format=csv"
    book = tmp_path / "it.xlsx"
    book.write_bytes(b"yesterday's")
    assert main(["report", "--output", str(book)]) == 1
    assert "broke off" in capsys.readouterr().err
    assert book.read_bytes() == b"yesterday's" and {each.name for each in tmp_path.iterdir()} == {"it.csv", "it.xlsx"}
    assert main(["report", "--output", str(tmp_path / "no" / "it.csv")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_it_shows_the_token_or_the_secret_of_the_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    data = tmp_path / "data"

    def shown(token: str) -> str:
        monkeypatch.setenv("OUTBID_REPORT_TOKEN", token)
        assert main(["report"]) == 0
        return capsysbinary.readouterr().out.decode().splitlines()[1]

    assert shown("") == "None" and not data.exists()  # keys are not made by looking for them
    secret = internal_secret(load_keys(data))
    assert (shown(""), shown("mine")) == (f"Bearer {secret}", "Bearer mine")


def test_what_is_typed_is_asked(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """An order that begins with a minus, and numbers that the reporter will refuse."""
    asked = ["report", "--by", "", "--sort", "-spend,day", "--top", "0", "--page-size", "0", "--totals"]
    assert main(asked) == 0
    path = capsysbinary.readouterr().out.decode().splitlines()[0]
    assert path == "/v1/report?by=&sort=-spend%2Cday&top=0&totals=1&page_size=0&format=table"
    assert main(["losses", "--by", ""]) == 0
    assert capsysbinary.readouterr().out.decode().splitlines()[0] == "/v1/losses?by=&format=table"
    with pytest.raises(SystemExit, match="2"):
        main(["report", "--sort", "--totals"])


def test_a_token_names_whom_it_is_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "token", "--advertiser", "adv2", "--days", "2"]) == 0
    printed = capsys.readouterr()
    token, key = printed.out.strip(), report_key(load_keys(tmp_path / "data"))
    claims = scope.read(key, token, 0).claims
    assert claims is not None and (claims.advertisers, claims.agencies) == ((2,), ())
    assert claims.id in printed.err
    with pytest.raises(scope.Invalid, match="expired"):
        scope.read(key, token, claims.expires_s)
    with pytest.raises(scope.Invalid, match="revoked"):
        scope.read(key, token, 0, frozenset((claims.id,)))
    for place in range(0, len(token), 7):  # no letter of it can be another
        with pytest.raises(scope.Invalid):
            scope.read(key, token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :], 0)
    assert main(["report", "token", "--advertiser", "nobody"]) == 2
    assert "known: adv1, adv2" in capsys.readouterr().err
    assert main(["report", "token"]) == 2
