"""What keeps the store from being fed is said, without secrets, and tried again: the thread that feeds it goes on."""

import socket
import threading
import time
from pathlib import Path

import pytest

from domain.settings import Places, SettingsError
from reporting import feed as feeding
from reporting.config import Reporting
from reporting.feed import Feed
from reporting.names import Dictionary
from reporting.store import open_store, shown

DEADLINE_S = 60.0


@pytest.mark.parametrize(
    "address",
    ["clickhouse://u:se@cr/et@host:9000/a-b", "clickhouse://u:se@cr/et@:9000/db", "http://u:se@cr/et@host/db"],
)
def test_a_refused_address_keeps_its_password_to_itself(address: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        open_store(address, tmp_path)
    assert "cr/et" not in str(refused.value) and "//u:***@" in str(refused.value)
    assert shown("clickhouse://host/db") == "clickhouse://host/db"


def test_a_fault_does_not_end_the_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "_RETRY_S", 0.01)
    settings = Reporting(store="clickhouse://u:secret@host:9000/a-b", attribution=False)
    feed = Feed(Places(data_dir=str(tmp_path), control_port=1), settings)
    feed.start()
    until = time.monotonic() + DEADLINE_S
    while feed.failures < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert feed.is_alive() and feed.failures >= 2
    assert "a-b" in feed.trouble and "secret" not in feed.trouble
    feed.stop()


class _Nowhere:
    """Neither a store nor a shipper that anything is asked of."""

    dictionary = Dictionary()


def test_control_that_dies_while_it_answers_is_asked_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as control:

        def break_off() -> None:
            for _ in range(2):
                asked, _ = control.accept()
                asked.recv(65_536)
                asked.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n\x81")
                asked.close()

        threading.Thread(target=break_off, daemon=True).start()
        settings = Reporting(store="chdb", attribution=False)
        feed = Feed(Places(data_dir=str(tmp_path), control_port=control.getsockname()[1]), settings)
        feed._follow_names(_Nowhere(), None)  # type: ignore[arg-type]
        assert feed.rules is None
        feed.shipper = _Nowhere()  # type: ignore[assignment]
        feed.shipper.failures, feed.shipper.positions = {}, {}  # type: ignore[union-attr]
        assert "IncompleteRead" in str(feed.behind()[f"{feed.origin}/settlements"])
