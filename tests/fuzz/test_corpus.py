"""Everything that the fuzzer found worth keeping holds, without the fuzzer too."""

from pathlib import Path

import pytest

from tests.fuzz.target import check

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


def test_there_is_a_corpus_that_knows_both_ways() -> None:
    scanned = [check(path.read_bytes()) for path in CORPUS]
    assert sum(scanned) >= 20 and len(scanned) - sum(scanned) >= 20


@pytest.mark.parametrize("share", range(8))
def test_a_request_that_ends_anywhere_is_read_or_refused(share: int) -> None:
    for path in CORPUS[share::8]:
        body = path.read_bytes()
        for end in range(share, len(body), 8):
            check(body[:end])
