"""What is proven of a campaign for individuals: by a twin that looks at every second, and by books that are wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import individuals
from cli.main import main, parser
from domain.clock import SECOND
from domain.errors import Refused
from simulator.books import Books, Kind, Notice, Sale, State, new_sale_id, shown
from simulator.config import SimulatorSettings
from simulator.run import population
from simulator.watch import Cap, Shown, Verdict, Watch, judge, most_within

CAPS = (Cap(2, 10, "2/10s"), Cap(3, 100, "3/100s"))


def at(*seconds: int, person: str = "ann", asked: int = 0) -> list[Shown[str]]:
    return [Shown(person, (asked or s) * SECOND, s * SECOND) for s in seconds]


@given(st.lists(st.integers(0, 60), max_size=12), st.integers(1, 30))
def test_the_fullest_window_is_found(times: list[int], seconds: int) -> None:
    windows = (sum(begin <= t < begin + seconds for t in times) for begin in range(-30, 61))
    assert most_within([t * SECOND for t in times], seconds) == max(windows)


def test_books_that_are_right_have_no_faults() -> None:
    verdict = judge([*at(5, 14, 15), *at(1, person="bea")], {"ann": 16 * SECOND}, {"ann", "bea", "cid"}, CAPS)
    assert verdict == Verdict(4, 2, 0, (2, 3), 1, 0)
    assert verdict.faults(CAPS) == []


@pytest.mark.parametrize(
    ("impressions", "converted", "said"),
    [
        ([*at(1), *at(2, 3, person="eve")], {}, ["2 × shown to somebody who is not in the list"]),
        (at(1, 5, 10), {}, ["3 impressions of one person where the cap is 2/10s"]),
        (at(1, 2, 20, 100), {}, ["4 impressions of one person where the cap is 3/100s"]),
        (at(13), {"ann": 11 * SECOND}, ["1 × shown to somebody who had converted"]),
        (at(30, asked=12), {"ann": 11 * SECOND}, []),
        ([], {}, ["nobody of the list was shown anything, so nothing is proven"]),
    ],
)
def test_every_fault_is_told(impressions: list[Shown[str]], converted: dict[str, int], said: list[str]) -> None:
    assert judge(impressions, converted, {"ann"}, CAPS).faults(CAPS) == said


def proof(watch: Watch, exchange: Verdict, store: Verdict) -> list[str]:
    return individuals.Proof(watch, (), exchange, store).faults()


def test_what_was_not_put_to_the_test_is_not_proven() -> None:
    watch = Watch(frozenset({"ann"}), "7")
    watch.asked("ann", 0)
    good = Verdict(3, 1, 0, (), 1, 0)
    assert [fault[:30] for fault in proof(watch, good, good)] == [
        "nobody but the list asked for ", "nobody who converted asked for",
    ]  # fmt: skip
    watch.asked("eve", 0)
    watch.converted("ann", "8", SECOND)  # of another campaign
    watch.asked("ann", 9 * SECOND)
    watch.converted("ann", "7", 10 * SECOND)
    watch.asked("ann", 11 * SECOND)
    assert (watch.requests_of_listed, watch.requests_of_others, watch.requests_of_converters) == (3, 1, 0)
    watch.asked("ann", 11 * SECOND + 1)
    assert watch.requests_of_converters == 1
    assert proof(watch, good, good) == []
    assert len(proof(watch, good, Verdict(2, 1, 0, (), 1, 0))) == 1


async def test_the_books_know_whom_and_when(tmp_path: Path) -> None:
    path = tmp_path / "books.sqlite"
    books = Books(path)
    for person, campaign, counts, state in (
        ("ifa:a", "7", True, State.ACKNOWLEDGED), ("ifa:b", "7", True, State.LOST), ("ifa:c", "8", True, State.PENDING),
        ("ifa:d", "7", False, State.ACKNOWLEDGED),
    ):  # fmt: skip
        sale = Sale(
            new_sale_id(), "usx", "USD", "r", "1", "b", 5, Kind.BILLING, counts, 3,
            person=person, campaign=campaign, asked_ns=2,
        )  # fmt: skip
        pixel, conversion = Notice(sale.id, Kind.IMPRESSION, "u"), Notice(sale.id, Kind.CONVERSION, "u")
        books.sold(sale, [pixel, conversion])
        books.settled(pixel, state)
        if person == "ifa:a":
            books.settled(conversion, State.ACKNOWLEDGED)
    await books.close()
    found = {person: rest for person, *rest in shown(path, "7")}
    assert set(found) == {"ifa:a", "ifa:b", "ifa:d"}
    assert found["ifa:b"] == found["ifa:d"] == [2, None, None]
    assert found["ifa:a"][0] == 2 and found["ifa:a"][1] and found["ifa:a"][2]


def test_a_list_is_of_people_who_are_there(tmp_path: Path) -> None:
    path, settings = tmp_path / "list.txt", SimulatorSettings(persons=60)
    individuals.write_list(settings, path, 20)
    people = individuals.listed(path)
    assert len(people) == 20
    assert people < {person.written for person in population(settings).people}
    before = path.read_text()
    individuals.write_list(settings, path, 20)
    assert path.read_text() == before
    with pytest.raises(Refused, match="--list-size: 61"):
        individuals.write_list(settings, path, 61)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--persons", "0"], "--persons: 0"),
        (["--campaign", "a"], "--campaign: 'a'"),
        (["--list", "pyproject.toml"], "--campaign: None"),
        (["--list", "nowhere", "--campaign", "a"], "--list: 'nowhere'"),
        (["--cap", "3/1d"], "--cap: ['3/1d']"),
        (["--list", "pyproject.toml", "--campaign", "a", "--cap", "3"], "--cap: '3'"),
        (["--list", "pyproject.toml", "--campaign", "a", "--cap", "0/1d"], "--cap: '0/1d'"),
        (["--list", "pyproject.toml", "--campaign", "a", "--cap", "3/31d"], "--cap: '3/31d'"),
        (["--write-list", "/nowhere/x", "--persons", "9", "--list-size", "3"], "--write-list: '/nowhere/x'"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_caps_are_read() -> None:
    asked = parser().parse_args(
        ["simulate", "--list", "pyproject.toml", "--campaign", "a", "--cap", "3/1d", "--cap", "2/5m"]
    )
    assert individuals.read(asked) == (
        Path("pyproject.toml"), "a", (Cap(3, 86_400, "3/1d"), Cap(2, 300, "2/5m")),
    )  # fmt: skip
