"""Rates are asked of control, who may go away in the middle of an answer."""

import socket
import threading

import pytest

from domain.errors import Unavailable
from reporting.rates import RatesOfControl


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[", b"what?\r\n\r\n"])
def test_an_answer_that_breaks_off_is_said_to_be_none(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            taken, _ = listening.accept()
            with taken:
                taken.recv(1 << 16)
                taken.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        with pytest.raises(Unavailable, match="exchange rates"):
            RatesOfControl(f"http://127.0.0.1:{listening.getsockname()[1]}")()
        serving.join()
