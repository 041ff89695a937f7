"""ads.txt and app-ads.txt: who may sell a publisher's inventory (IAB Tech Lab, ads.txt 1.1 and app-ads.txt 1.0).

Files are written by hand, so reading is lenient: what can only mean one thing is taken, whatever cannot be read is
named in `AdsTxt.problems` and left out. Reading never raises.
"""

import re
from typing import Literal
from urllib.parse import unquote

from msgspec import Struct

Relationship = Literal["DIRECT", "RESELLER"]

VARIABLES = ("CONTACT", "SUBDOMAIN", "INVENTORYPARTNERDOMAIN", "OWNERDOMAIN", "MANAGERDOMAIN")

_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\0"))
_NEW_LINE = re.compile(r"\r\n|\r|\n")
_VARIABLE = re.compile(r"([A-Za-z][A-Za-z_-]*)\s*=\s*(.*)", re.DOTALL)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.(?!\d+$){_LABEL}")
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml|!--|script|div|meta|title)", re.IGNORECASE)
_SHOWN = 80


class Seller(Struct, frozen=True):
    """A data record: an account at an advertising system that may sell the inventory."""

    system: str
    """Canonical domain of the advertising system, lower case."""
    account: str
    """The publisher's (or reseller's) id there, as in the request's ``publisher.id`` and the chain's ``sid``."""
    relationship: Relationship
    authority: str = ""
    """Id of the system with a certification authority."""


class Problem(Struct, frozen=True):
    """A line that could not be read as it stands."""

    line: int
    """From 1."""
    text: str
    why: str


class AdsTxt(Struct, frozen=True):
    """What a file says, in its order."""

    sellers: tuple[Seller, ...]
    variables: dict[str, tuple[str, ...]]
    """Values by name in upper case, those of `VARIABLES` only."""
    problems: tuple[Problem, ...]

    @property
    def declares(self) -> bool:
        """Does it say anything of who may sell? An empty file does not, and is as good as none; one with a placeholder
        record (``placeholder.example.com, placeholder, DIRECT, placeholder``) says: nobody.
        """
        return bool(self.sellers)

    @property
    def subdomains(self) -> tuple[str, ...]:
        """Sub-domains that have a file of their own."""
        return self._domains("SUBDOMAIN")

    @property
    def inventory_partners(self) -> tuple[str, ...]:
        """Domains whose files also name sellers of this inventory, where inventory is shared."""
        return self._domains("INVENTORYPARTNERDOMAIN")

    @property
    def owner(self) -> str:
        """Business domain of the owner; empty where it is not told. There is only one: the first counts."""
        return next(iter(self._domains("OWNERDOMAIN")), "")

    @property
    def managers(self) -> dict[str, str]:
        """Business domain of who manages the inventory, by country (ISO 3166-1 alpha-2; empty: everywhere else)."""
        found: dict[str, str] = {}
        for value in self.variables.get("MANAGERDOMAIN", ()):
            named, _, country = value.partition(",")
            if domain := domain_in(named):
                found.setdefault(country.strip().upper(), domain)
        return found

    def _domains(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(filter(None, map(domain_in, self.variables.get(name, ())))))


def parse_ads_txt(body: bytes) -> AdsTxt:
    """Reads a file of any content."""
    sellers: dict[Seller, None] = {}
    variables: dict[str, list[str]] = {}
    problems: list[Problem] = []
    for number, raw in enumerate(_NEW_LINE.split(text_of(body)), start=1):
        line = raw.partition("#")[0].translate(_INVISIBLE).strip()
        if not line:
            continue
        variable = _VARIABLE.fullmatch(line)
        if variable and "," not in variable[1]:
            name, value = variable[1].upper(), variable[2].partition(";")[0].strip()
            if name in VARIABLES and value:
                variables.setdefault(name, []).append(value)
            else:
                why = "there is no such variable" if name not in VARIABLES else "it has no value"
                problems.append(Problem(number, line[:_SHOWN], why))
            continue
        seller = _seller(line)
        if isinstance(seller, str):
            problems.append(Problem(number, line[:_SHOWN], seller))
        else:
            sellers[seller] = None
    named = {name: tuple(values) for name, values in variables.items()}
    return AdsTxt(tuple(sellers), named, tuple(problems))


def looks_like_a_page(body: bytes) -> bool:
    """Is it HTML? Many sites answer every path with a page, and status 200."""
    return _MARKUP.match(body.removeprefix(b"\xef\xbb\xbf")[:512]) is not None


def domain_in(text: str) -> str:
    """The domain that a field names, lower case; empty if it names none. ``https://x.example/`` names ``x.example``."""
    low = text.strip().lower()
    if "//" in low:
        low = low.partition("//")[2]
    low = low.partition("/")[0].partition(":")[0].rstrip(".")
    if not low.isascii():
        try:
            low = low.encode("idna").decode()
        except UnicodeError:
            return ""
    return low if _DOMAIN.fullmatch(low) else ""


def text_of(body: bytes) -> str:
    """Text in UTF-8, or what its byte order mark says; bytes that are none become U+FFFD."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    return body.decode("utf-8-sig", "replace")


def _seller(line: str) -> Seller | str:
    """A record's line -> the record, or why it is none. ``;`` begins extension data; a comma in a field is ``%2C``."""
    data = line.partition(";")[0]
    fields = [field.strip() for field in (data.split(",") if "," in data else data.split("\t"))]
    if len(fields) < 3:
        return "a record has at least three fields: domain, account, relationship"
    system = domain_in(fields[0])
    if not system:
        return "the first field is no domain"
    account = unquote(fields[1].strip("\"'")).strip()
    if not account:
        return "the account is empty"
    words = fields[2].upper().strip("\"'").split()
    relationship = words[0] if words else ""
    if relationship == "DIRECT":
        return Seller(system, account, "DIRECT", _authority(fields))
    if relationship == "RESELLER":
        return Seller(system, account, "RESELLER", _authority(fields))
    return "the relationship is neither DIRECT nor RESELLER"


def _authority(fields: list[str]) -> str:
    return fields[3] if len(fields) > 3 else ""
