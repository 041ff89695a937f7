"""Words of the campaign file into what the targeting index compares."""

import pytest

from campaigns import values
from campaigns.targeting_words import day_part
from campaigns.terms import targeting
from domain.entry import Wrong


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
    check = targeting(
        7, lambda value: {"usx": 3}[value], lambda value: {"prime": 9}[value], lambda value: value.upper()
    )
    words = {
        "exchange": ["usx"],
        "audience": ["prime"],
        "deal": ["d1"],
        "country": ["USA"],
        "postcode": ["SW1A 1AA", 10001],
        "category": ["IAB13-1"],
        "size": ["728x90"],
        "device_type": ["tv", "tablet"],
        "connection": ["wifi", "5g"],
        "hour_of_week": ["mon 00-02", "mon 01-03"],
        "city": ["New York"],
        "age": ["18-20", 30],
        "gender": ["female"],
        "video_placement": ["outstream"],
        "rewarded": [True, False],
        "key_value": ["Section=Loans"],
        "radius": [{"lat": 40.7, "lon": -74, "km": 25}],
        "os_version": ["ios >=15.2 <17"],
        "page": ["News.example/money/*"],
        "score": ["credit >=600"],
        "last_visit": [">=12h <7d"],
        "lifecycle": ["prospect"],
        "not": {"any": [{"site": ["News.example"]}, {"app": ["com.Example.App"]}, {"region": ["usa-ny"]}]},
    }
    found = check(words)
    assert found.written == words
    assert {(c.dimension, c.wanted): c.values for c in found.any_of[0]} == {
        ("exchange", True): ("3",),
        ("audience", True): ("9",),
        ("deal", True): ("D1",),
        ("country", True): ("usa",),
        ("postcode", True): ("sw1a1aa", "10001"),
        ("category", True): ("iab13-1",),
        ("size", True): (str(728 << 16 | 90),),
        ("device_type", True): ("3", "5"),
        ("connection", True): ("2", "7"),
        ("hour_of_week", True): ("0", "1", "2"),
        ("city", True): ("new york",),
        ("age", True): ("18", "19", "20", "30"),
        ("gender", True): ("f",),
        ("video_placement", True): ("2", "3", "4"),
        ("rewarded", True): ("1", "0"),
        ("key_value", True): ("section=loans",),
        ("radius", True): ("40.7,-74.0,25000.0",),
        ("os_version", True): ("ios >=15.2 <17",),
        ("page", True): ("news.example/money/*",),
        ("score", True): ("credit >=600",),
        ("last_visit", True): ("a7 >=43200 <604800",),
        ("lifecycle", True): (str(7 << 8 | 1),),
        ("site", False): ("news.example",),
        ("app", False): ("com.example.app",),
        ("region", False): ("usa-ny",),
    }


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
