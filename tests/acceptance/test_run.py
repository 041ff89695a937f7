"""``outbid run``: one command from an empty folder to three books that agree."""

import re
import signal

import pytest

from tests.deployment import Deployment


async def test_it_stops_by_itself_and_its_last_line_says_that_the_books_agree(deployment: Deployment) -> None:
    status, said = await deployment.outbid(
        "run", "--for", "6", "--rate", "150", OUTBID_SIMULATOR_RETURN_RATE="0.1", OUTBID_SIMULATOR_CLICK_RATE="0.2"
    )
    assert status == 0, said
    found = re.fullmatch(
        r"The books agree: ([\d,]+) wins, .*; spend ([\d.]+) CNY, ([\d.]+) USD\.", said.splitlines()[-1]
    )
    assert found, said
    assert int(found[1].replace(",", "")) > 0
    assert float(found[2]) > 0
    assert float(found[3]) > 0
    counts = re.search(
        r"([\d,]+) credited to clicks, ([\d,]+) to views, (\d+) to nothing; .* ([\d,]+) came by a click, ([\d,]+) back",
        said,
    )
    assert counts, said
    clicks, views, nothing, clicked, returned = (int(number.replace(",", "")) for number in counts.groups())
    assert nothing == 0 and clicks + views == clicked + returned and clicks >= clicked > 0 and returned > 0, said
    assert "requests/s" in said  # the view, as lines: the output is no terminal


@pytest.mark.parametrize("interrupts", [1, 2])
async def test_ctrl_c_compares_books_and_a_second_one_does_not_wait(deployment: Deployment, interrupts: int) -> None:
    process = await deployment.begin("run")
    assert process.stdout is not None
    said = ""
    for awaited in ("requests/s", "the exchange stops")[:interrupts]:
        while awaited not in said:
            line = await process.stdout.readline()
            assert line, said
            said += line.decode()
        process.send_signal(signal.SIGINT)
    rest = (await process.stdout.read()).decode()
    assert await process.wait() == (0 if interrupts == 1 else 130), rest
    assert ("The books agree" in rest) == (interrupts == 1)
