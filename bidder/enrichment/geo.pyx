"""Country, region and city: as the exchange says, else from the address, by a MaxMind-format database if there is one.

The database's path is the setting ``[bidder] geo_database``; any file in the MMDB format with GeoLite2's field names
will do (``country.iso_code``, ``subdivisions[0].iso_code``, ``city.names.en``).
"""

from pathlib import Path

import maxminddb
import pycountry

from openrtb.request cimport Request

from bidder.enrichment.memory import Memory
from domain.naming import name_id

NOWHERE = ("", 0, 0, 0)
"""A place: alpha-3 code, and the name ids of country, ``country-region`` and city."""


def alpha_3(str code):
    """ISO 3166-1 alpha-2 or alpha-3 in any case -> alpha-3; empty for what is neither."""
    code = code.strip().upper()
    found = pycountry.countries.get(alpha_3=code) or pycountry.countries.get(alpha_2=code)
    return str(found.alpha_3) if found else ""


def place_of(str country, str region, str city):
    """Texts of a country, its subdivision and a city -> a place; of the latter None: not told."""
    code = alpha_3(country)
    if not code:
        return NOWHERE
    return (
        code,
        name_id(code.lower()),
        name_id(f"{code}-{region}".lower()) if region else 0,
        name_id((city or "").lower()),
    )


cdef class GeoModule:
    """Fills the place. Local; without a database and without ``device.geo`` it stays unknown."""

    cdef object reader, told, found

    def __init__(self, str database=""):
        alpha_3("USA")  # the countries are read at the first call: not while a request waits
        self.reader = maxminddb.open_database(Path(database)) if database else None
        self.told = Memory(lambda told: place_of(*told))
        self.found = Memory(self.look_up)

    def look_up(self, str address not None):
        """The place of an address, by the database."""
        if self.reader is None:
            return NOWHERE
        try:
            record = self.reader.get(address)
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

    def __call__(self, Request r not None):
        cdef tuple place = NOWHERE
        if r.place is not None and r.place[0]:
            place = self.told[r.place]
        if self.reader is not None and r.address and not place[0]:
            place = self.found[r.address]
        r.country_code, r.country, r.region = <str>place[0], place[1], place[2]
        r.city = place[3] if r.personal else 0
