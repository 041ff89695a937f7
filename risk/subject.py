"""Whom a question to the risk service is about: ids as keys, an address.

Ids come as `targeting.identity_keys` has them (``ifa:…``, ``phone_sha256:…``, ``key:16 hex`` …) and are keys from here
on: what they were written as is not kept, recorded or quoted.
"""

from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from domain.errors import Problem, Refused
from targeting.addresses import address
from targeting.identity_keys import RAW, parse_person, shown

MOST_IDS = 32


class Id(NamedTuple):
    """An id of the subject. ``kind`` is the kind of `domain.naming.person_key`, or ``key`` if only the key was told."""

    kind: str
    key: int


class DeviceFacts(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the caller knows of the device; whatever is missing is not known."""

    os: Annotated[str, Meta(max_length=64)] = ""
    emulator: bool | None = None
    rooted: bool | None = None
    debugged: bool | None = None
    vpn: bool | None = None
    proxy: bool | None = None
    datacenter: bool | None = None
    age_days: Annotated[float, Meta(ge=0, le=36_500)] | None = None
    """Since the caller saw the device first."""


class SubjectForm(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A subject as it is sent. At least one of ``ids`` and ``ip`` is given."""

    ids: Annotated[tuple[Annotated[str, Meta(max_length=1100)], ...], Meta(max_length=MOST_IDS)] = ()
    """``KIND:VALUE``."""
    ip: Annotated[str, Meta(max_length=64)] = ""
    user_agent: Annotated[str, Meta(max_length=2048)] = ""
    device: DeviceFacts | None = None


class Subject(NamedTuple):
    """A subject as the engine has it."""

    ids: tuple[Id, ...]
    ip: str = ""
    """Canonical text; empty: not known. An IPv4 address within IPv6 is the IPv4 address."""
    ip_key: int = 0
    user_agent: str = ""
    device: DeviceFacts | None = None
    institution: int = 0
    """`domain.naming.name_id` of who asks; 0: the operator."""

    @property
    def keys(self) -> tuple[int, ...]:
        """Of all ids, the address not among them."""
        return tuple(one.key for one in self.ids)


def read_subject(form: SubjectForm, institution: int = 0, path: str = "subject") -> Subject:
    """The subject of a question. Raises Refused, with every id that cannot be read."""
    problems: list[Problem] = []
    ids: dict[int, Id] = {}
    for place, text in enumerate(form.ids):
        try:
            if text.startswith("ip:"):
                raise ValueError("an address is the subject's ip, not one of its ids")
            key = parse_person(text)
        except ValueError as error:
            problems.append(Problem(f"{path}.ids[{place}]", shown(text), str(error)))
        else:
            ids.setdefault(key, Id(kind_of(text), key))
    ip, ip_key = "", 0
    if form.ip:
        found = address(form.ip)
        if found is None:
            problems.append(Problem(f"{path}.ip", form.ip, "it must be an IPv4 or IPv6 address, in digits"))
        else:
            ip, ip_key = found.text, found.key
    if not form.ids and not form.ip:
        problems.append(Problem(f"{path}.ids", None, "a subject has at least one id, or an ip"))
    if problems:
        raise Refused(problems)
    return Subject(tuple(ids.values()), ip, ip_key, form.user_agent, form.device, institution)


_KINDS = {
    "idfa": "ifa", "aaid": "ifa", "oaid": "ifa", "uid2": "eid", "euid": "eid", "id5": "eid", "rampid": "eid",
    **RAW,
}  # fmt: skip


def kind_of(text: str) -> str:
    """The kind of a written id, as `domain.naming.person_key` has it."""
    kind = text.partition(":")[0]
    return _KINDS.get(kind, kind)
