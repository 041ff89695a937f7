"""Everything that the fuzzer found worth keeping holds, without the fuzzer too."""

from pathlib import Path

import pytest

from tests.fuzz.target import check

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


def test_there_is_a_corpus_that_knows_both_ways() -> None:
    scanned = [check(path.read_bytes()) for path in CORPUS]
    assert sum(scanned) >= 20 and len(scanned) - sum(scanned) >= 20


@pytest.mark.parametrize("cut", range(8))
def test_every_beginning_of_a_request_is_read_or_refused(cut: int) -> None:
    for path in CORPUS:
        body = path.read_bytes()
        for end in range(cut, len(body), 8):
            check(body[:end])
