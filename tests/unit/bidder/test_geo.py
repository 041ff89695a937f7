"""Where a request comes from: told by the exchange, or looked up by address in a real MMDB file."""

import json
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from bidder.enrichment.geo import GeoModule, alpha_3
from domain.exchange import Exchange
from domain.naming import name_id
from openrtb.decode import decode
from openrtb.request import Request

EXCHANGE = Exchange(1, "usx", "USD", "burl")
PLACES = {
    "81.2.69.0/24": {
        "country": {"iso_code": "GB"},
        "subdivisions": [{"iso_code": "ENG"}],
        "city": {"names": {"en": "London", "de": "London"}},
    },
    "2001:218::/32": {"country": {"iso_code": "JP"}},
    "89.160.20.0/24": {"country": {"iso_code": "SE"}, "subdivisions": [], "city": {}},
    "175.16.199.0/24": {"country": "GB", "subdivisions": "x", "city": ["x"]},
    "67.43.156.0/24": {"registered_country": {"iso_code": "BT"}},
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    writer = MMDBWriter(ip_version=6, database_type="GeoLite2-City", ipv4_compatible=True)
    for network, record in PLACES.items():
        writer.insert_network(IPSet([network]), record)
    path: Path = tmp_path_factory.mktemp("geo") / "city.mmdb"
    writer.to_db_file(str(path))
    return str(path)


def located(module: GeoModule, personal: bool = True, **device: object) -> tuple[str, int, int, int]:
    request = Request()
    body = {"id": "1", "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}], "device": device}
    assert decode(request, json.dumps(body).encode(), EXCHANGE, 0) == 0
    if not personal:
        request.forget_person()
    module(request)
    return request.country_code, request.country, request.region, request.city


@pytest.mark.parametrize(
    ("device", "code", "region", "city"),
    [
        ({"ip": "81.2.69.160"}, "GBR", "gbr-eng", "london"),
        ({"ipv6": "2001:218::1"}, "JPN", "", ""),
        ({"ip": "89.160.20.112"}, "SWE", "", ""),
        ({"ip": "203.0.113.1"}, "", "", ""),
        ({"ip": "175.16.199.1"}, "", "", ""),
        ({"ip": "67.43.156.1"}, "", "", ""),
        ({"ip": "81.2.69.*"}, "", "", ""),
        ({"ip": "not an address"}, "", "", ""),
        ({}, "", "", ""),
        ({"ip": "81.2.69.160", "geo": {"country": "DEU", "region": "BE", "city": "Berlin"}}, "DEU", "deu-be", "berlin"),
        ({"ip": "81.2.69.160", "geo": {"country": "de"}}, "DEU", "", ""),
        ({"ip": "81.2.69.160", "geo": {"country": "ZZZ"}}, "GBR", "gbr-eng", "london"),
        ({"ip": "81.2.69.160", "geo": {"city": "Paris"}}, "GBR", "gbr-eng", "london"),
    ],
)
def test_the_exchange_is_believed_first_and_the_database_next(
    database: str, device: dict[str, object], code: str, region: str, city: str
) -> None:
    expected = (code, name_id(code.lower()), name_id(region), name_id(city))
    assert located(GeoModule(database), **device) == expected


def test_without_a_database_only_the_exchange_is_heard() -> None:
    assert located(GeoModule(), ip="81.2.69.160") == ("", 0, 0, 0)
    assert located(GeoModule(), geo={"country": "GBR"})[0] == "GBR"


def test_a_city_is_not_kept_of_whom_privacy_forgets(database: str) -> None:
    assert located(GeoModule(database), personal=False, ip="81.2.69.160") == (
        "GBR",
        name_id("gbr"),
        name_id("gbr-eng"),
        0,
    )


@pytest.mark.parametrize(
    ("written", "code"), [("USA", "USA"), ("us", "USA"), (" De ", "DEU"), ("UK", ""), ("", ""), ("ZZ", ""), ("12", "")]
)
def test_country_codes(written: str, code: str) -> None:
    assert alpha_3(written) == code
