"""Country, region and city: as the exchange says, else from the address, by a MaxMind-format database if there is one.

The database's path is the setting ``[bidder] geo_database``; any file in the MMDB format with GeoLite2's field names
will do (``country.iso_code``, ``subdivisions[0].iso_code``, ``city.names.en``).
"""

from pathlib import Path

import maxminddb
import pycountry

from bidder.enrichment.memory import Memory
from domain.naming import name_id
from openrtb.request import Request

Place = tuple[str, int, int, int]
"""Alpha-3 code, and the name ids of country, ``country-region`` and city."""

NOWHERE: Place = ("", 0, 0, 0)


def alpha_3(code: str) -> str:
    """ISO 3166-1 alpha-2 or alpha-3 in any case -> alpha-3; empty for what is neither."""
    code = code.strip().upper()
    found = pycountry.countries.get(alpha_3=code) or pycountry.countries.get(alpha_2=code)
    return str(found.alpha_3) if found else ""


def place_of(country: str, region: str | None, city: str | None) -> Place:
    """Texts of a country, its subdivision and a city -> `Place`."""
    code = alpha_3(country)
    if not code:
        return NOWHERE
    return (
        code,
        name_id(code.lower()),
        name_id(f"{code}-{region}".lower()) if region else 0,
        name_id((city or "").lower()),
    )


class GeoModule:
    """Fills the place. Local; without a database and without ``device.geo`` it stays unknown."""

    def __init__(self, database: str = "") -> None:
        alpha_3("USA")  # the countries are read at the first call: not while a request waits
        self._reader = maxminddb.open_database(Path(database)) if database else None
        self._told: Memory[tuple[str, str | None, str | None], Place] = Memory(lambda told: place_of(*told))
        self._found: Memory[str, Place] = Memory(self._look_up)

    def _look_up(self, address: str) -> Place:
        if self._reader is None:
            return NOWHERE
        try:
            record = self._reader.get(address)
        except ValueError:  # no address, or one that was cut for privacy, such as 113.76.1.*
            return NOWHERE
        if not isinstance(record, dict):
            return NOWHERE
        country, city = record.get("country"), record.get("city")
        subdivisions = record.get("subdivisions")
        region = subdivisions[0] if isinstance(subdivisions, list) and subdivisions else None
        names = city.get("names") if isinstance(city, dict) else None
        return place_of(
            str(country.get("iso_code") or "") if isinstance(country, dict) else "",
            str(region.get("iso_code") or "") if isinstance(region, dict) else "",
            str(names.get("en") or "") if isinstance(names, dict) else "",
        )

    def __call__(self, request: Request) -> None:
        told, place = request.place, NOWHERE
        if told is not None and told[0]:
            place = self._told[told]
        if not place[0] and self._reader is not None and request.address:
            place = self._found[request.address]
        request.set_geo(place[0], place[1], place[2], place[3] if request.personal else 0)
