"""The command line: what a person types wrongly is answered in words."""

import argparse
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cli import up
from cli.main import main
from domain.errors import Problem, Refused
from eventlog.writer import LogWriter
from reporting import losses, report


class Reporter(BaseHTTPRequestHandler):
    """Answers a report with the question, and refuses a dimension it does not know."""

    def do_GET(self) -> None:
        status, text = (400, "by: 'moon' is not allowed; one of day, hour") if "moon" in self.path else (200, self.path)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(f"{text}\n".encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def reporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), Reporter)
    monkeypatch.setenv("OUTBID_OUTBID_REPORTER_PORT", str(server.server_port))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.usefixtures("reporter")
def test_report_prints_what_the_reporter_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--by", "hour,site", "--from", "2026-11-01", "--format", "csv"]) == 0
    assert capsys.readouterr().out == "/v1/report?by=hour%2Csite&from=2026-11-01&format=csv\n"


@pytest.mark.usefixtures("reporter")
def test_report_says_what_was_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--by", "moon"]) == 2
    assert capsys.readouterr().err == "outbid: by: 'moon' is not allowed; one of day, hour\n"


def test_report_without_a_reporter_says_where_it_looked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_REPORTER_URL", "http://127.0.0.1:1/")
    assert main(["report"]) == 1
    assert "nothing answers at http://127.0.0.1:1 " in capsys.readouterr().err


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_REPORTER_PORT", "eighty")
    assert main(["report"]) == 2
    assert "reporter_port" in capsys.readouterr().err


def test_every_problem_of_a_refusal_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(asked: argparse.Namespace) -> int:
        raise Refused([Problem("campaigns[0].name", "", "a name"), Problem("deals", 3, "a list")])

    monkeypatch.setattr(up, "run", refuse)
    assert main(["up"]) == 2
    assert capsys.readouterr().err == (
        "outbid: campaigns[0].name: '' is not allowed; a name\ndeals: 3 is not allowed; a list\n"
    )


@pytest.mark.parametrize("text", ["0", "-1", "many", "257", "1.5"])
def test_a_number_of_workers_is_checked(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["up", f"--workers={text}"])
    assert exit.value.code == 2
    assert "a number from 1 to 256" in capsys.readouterr().err


def test_processes_start_control_first_and_the_bid_port_last() -> None:
    from domain.settings import Places

    stages = up.stages(Places(), 2)
    assert [[service.name for service in stage] for stage in stages] == [
        ["control"],
        ["tracker", "reporter", "risk"],
        ["bidder-0", "bidder-1"],
        ["watcher"],
    ]
    assert stages[2][1].command[-3:] == ("bidder", "--slot", "1")


@pytest.mark.parametrize(("command", "dimensions"), [("report", report.DIMENSIONS), ("losses", losses.DIMENSIONS)])
def test_the_help_of_reports_names_all_that_they_can_be_by(
    command: str, dimensions: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = capsys.readouterr().out.partition("some of")[2].partition("(default")[0]
    assert {word.strip() for word in said.split(",")} == set(dimensions)


def test_what_runs_already_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A port that is taken, a log that has its writer."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(up, "run", lambda asked: socket.create_server(taken.getsockname()))
        assert main(["up"]) == 1
    assert "already in use" in capsys.readouterr().err
    writer = LogWriter(tmp_path)
    monkeypatch.setattr(up, "run", lambda asked: LogWriter(tmp_path))
    assert main(["up"]) == 1
    writer.close()
    assert capsys.readouterr().err == f"outbid: {tmp_path} has a writer already\n"


def test_a_day_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["replay", "store", "--day", "yesterday"])
    assert "--day: 'yesterday' is not allowed; a day, YYYY-MM-DD" in capsys.readouterr().err
