"""Words of the campaign file into what the targeting index compares."""

import pytest

from campaigns import values
from campaigns.entry import Wrong
from campaigns.terms import day_part, targeting
from domain.campaign import Targeting


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("mon 00-02", [0, 1]),
        ("sun", list(range(144, 168))),
        ("tue-wed 22-24", [46, 47, 70, 71]),
        ("sat-mon 09-10", [129, 153, 9]),
        ("mon-sun 23-24", [23, 47, 71, 95, 119, 143, 167]),
    ],
)
def test_a_day_part_is_hours_of_the_week(text: str, hours: list[int]) -> None:
    assert day_part(text) == tuple(map(str, hours))


@pytest.mark.parametrize(
    "text", ["", "monday", "mon 8-10", "mon 10-10", "mon 24-24", "mon 08-25", "mon-fri-sun", 5, None]
)
def test_anything_else_is_not_a_day_part(text: object) -> None:
    with pytest.raises(Wrong, match="days and hours"):
        day_part(text)


def test_values_are_written_as_the_index_reads_them() -> None:
    check = targeting(lambda value: {"usx": 3}[value], lambda value: {"prime": 9}[value])
    words = {
        "all_of": {
            "exchange": ["usx"],
            "audience": ["prime"],
            "country": ["USA"],
            "category": ["IAB13-1"],
            "size": ["728x90"],
            "device_type": ["tv", "tablet"],
            "hour_of_week": ["mon 00-02", "mon 01-03"],
            "city": ["New York"],
        },
        "none_of": {"site": ["News.example", "com.Example.App"], "language": ["en"], "region": ["usa-ny"]},
    }
    assert check(words) == Targeting(
        all_of={
            "exchange": ("3",),
            "audience": ("9",),
            "country": ("usa",),
            "category": ("iab13-1",),
            "size": (str(728 << 16 | 90),),
            "device_type": ("3", "5"),
            "hour_of_week": ("0", "1", "2"),
            "city": ("new york",),
        },
        none_of={"site": ("news.example", "com.example.app"), "language": ("en",), "region": ("usa-ny",)},
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://bank.example/a?b=c&d=%20#top",
        "https://www.bank.example:8443/",
        "https://a.b.bank.example",
    ],
)
def test_landing_urls_on_the_domain(url: str) -> None:
    assert values.url_within("bank.example")(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://bank.example/",
        "https://bank.example.evil.example/",
        "https://evilbank.example/",
        "https://bank.example\\@evil.example/",
        "https://evil.example/?https://bank.example/",
        "https://user@bank.example/",
        "https://bank.example:port/",
        "https://bänk.example/",
        "https://bank.example/\n",
        "https://bank.example/ x",
        'https://bank.example/"onload="x',
        "javascript:alert(1)//bank.example",
        "//bank.example/",
        "https://[::1]/",
        "https://" + "a" * 1100 + ".bank.example/",
        7,
    ],
)
def test_landing_urls_elsewhere_or_not_safe_in_markup(url: object) -> None:
    with pytest.raises(Wrong):
        values.url_within("bank.example")(url)
