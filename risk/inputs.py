"""What the scores read of a subject: facts, each of which may be missing. What is missing is a fact, too.

Shares are 0 to 1, flags 0 or 1, counts whole; the letter behind the last underscore is the unit of a duration (``s``
seconds, ``h`` hours), or a window (``1h``, ``24h``, ``7d``, ``30d``, ``90d``) over which is counted.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from domain.errors import Problem, Refused

UNREACHED = 99.0
"""Of ``distance_to_fraud``: no known fraud was reached. (Missing is: nobody looked.)"""
MOST_COUNT = 2.0**53
MOST_DURATION = 1e12


class Inputs(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The facts of one subject; `FACTS` says what each is. Raises Refused for a value that a fact cannot have."""

    black_listed: float | None = None
    grey_listed: float | None = None

    component_size: float | None = None
    ip_degree: float | None = None
    device_degree: float | None = None
    account_degree: float | None = None
    phone_degree: float | None = None
    address_degree: float | None = None
    shared_ip: float | None = None
    shared_device: float | None = None
    distance_to_fraud: float | None = None
    label_score: float | None = None

    emulator: float | None = None
    rooted: float | None = None
    proxy: float | None = None
    automated: float | None = None
    user_agent_mismatch: float | None = None
    country_mismatch: float | None = None
    timezone_mismatch: float | None = None
    device_age_h: float | None = None

    ip_clicks_1h: float | None = None
    ip_clicks_24h: float | None = None
    ip_idle_clicks: float | None = None
    ip_click_gap_s: float | None = None
    ip_installs_24h: float | None = None
    ip_applications_24h: float | None = None
    ip_devices_24h: float | None = None
    device_clicks_1h: float | None = None
    device_clicks_24h: float | None = None
    device_idle_clicks: float | None = None
    device_click_gap_s: float | None = None
    device_installs_24h: float | None = None
    device_applications_24h: float | None = None
    device_ips_24h: float | None = None
    phone_applications_24h: float | None = None

    lenders_24h: float | None = None
    lenders_7d: float | None = None
    lenders_30d: float | None = None
    lenders_90d: float | None = None
    applications_7d: float | None = None
    applications_30d: float | None = None
    rejections_30d: float | None = None
    application_gap_h: float | None = None

    loan_searches_7d: float | None = None
    loan_views_7d: float | None = None
    loan_calculations_30d: float | None = None
    started_30d: float | None = None
    intent_gap_h: float | None = None

    credit_utilisation: float | None = None
    cash_advances_90d: float | None = None
    overdrafts_90d: float | None = None
    late_payments_180d: float | None = None
    debt_to_income: float | None = None
    requested_to_income: float | None = None

    contacts_fraud_share: float | None = None
    contacts_default_share: float | None = None

    def __post_init__(self) -> None:
        values = msgspec.structs.astuple(self)
        for value, most in zip(values, _MOST, strict=True):
            if value is not None and not 0 <= value <= most:  # false for what is no number
                raise Refused(_problems(values))


class Fact(NamedTuple):
    """What a fact is, and how large it can be; none is below 0."""

    most: float
    doc: str
    flag: bool = False


def _flag(doc: str) -> Fact:
    return Fact(1, doc, True)


def _count(doc: str) -> Fact:
    return Fact(MOST_COUNT, doc)


def _duration(doc: str) -> Fact:
    return Fact(MOST_DURATION, doc)


FACTS: dict[str, Fact] = {
    "black_listed": _count("entries of black lists that name the subject"),
    "grey_listed": _count("entries of grey lists that name the subject"),
    "component_size": _count("nodes that the subject is connected with in the graph, however far, itself included"),
    "ip_degree": _count("addresses seen with the subject"),
    "device_degree": _count("devices seen with the subject"),
    "account_degree": _count("accounts seen with the subject"),
    "phone_degree": _count("telephone numbers seen with the subject"),
    "address_degree": _count("postal addresses seen with the subject"),
    "shared_ip": _count("others of its kind at the addresses that the subject was seen at"),
    "shared_device": _count("others of its kind at the devices that the subject was seen with"),
    "distance_to_fraud": Fact(UNREACHED, f"steps in the graph to the nearest known fraud; {UNREACHED:.0f}: none found"),
    "label_score": Fact(1, "known fraud among the subject's neighbours, as label propagation has it"),
    "emulator": _flag("the device is an emulator"),
    "rooted": _flag("the device is rooted or jailbroken, or a debugger is at it"),
    "proxy": _flag("the address is a hosting provider's, a VPN's or a Tor exit"),
    "automated": _flag("the device is driven by a program"),
    "user_agent_mismatch": _flag("the user agent is not that of the device"),
    "country_mismatch": _flag("the address is of another country than the SIM card or the telephone number"),
    "timezone_mismatch": _flag("the device's time zone is not the address's"),
    "device_age_h": _duration("hours since the device was first seen"),
    "ip_clicks_1h": _count("clicks from the address in the last hour"),
    "ip_clicks_24h": _count("clicks from the address in the last day"),
    "ip_idle_clicks": _count("clicks from the address since its last install"),
    "ip_click_gap_s": _duration("seconds since the last click from the address"),
    "ip_installs_24h": _count("installs from the address in the last day"),
    "ip_applications_24h": _count("applications from the address in the last day"),
    "ip_devices_24h": _count("devices seen at the address in the last day"),
    "device_clicks_1h": _count("clicks of the device in the last hour"),
    "device_clicks_24h": _count("clicks of the device in the last day"),
    "device_idle_clicks": _count("clicks of the device since its last install"),
    "device_click_gap_s": _duration("seconds since the device's last click"),
    "device_installs_24h": _count("installs on the device in the last day"),
    "device_applications_24h": _count("applications from the device in the last day"),
    "device_ips_24h": _count("addresses that the device had in the last day"),
    "phone_applications_24h": _count("applications with the telephone number in the last day"),
    "lenders_24h": _count("lenders asked for credit in the last day"),
    "lenders_7d": _count("lenders asked for credit in the last 7 days"),
    "lenders_30d": _count("lenders asked for credit in the last 30 days"),
    "lenders_90d": _count("lenders asked for credit in the last 90 days"),
    "applications_7d": _count("applications in the last 7 days"),
    "applications_30d": _count("applications in the last 30 days"),
    "rejections_30d": _count("rejected applications in the last 30 days"),
    "application_gap_h": _duration("hours since the last application"),
    "loan_searches_7d": _count("searches for credit in the last 7 days"),
    "loan_views_7d": _count("pages about credit offers seen in the last 7 days"),
    "loan_calculations_30d": _count("uses of a loan calculator in the last 30 days"),
    "started_30d": _count("applications begun in the last 30 days"),
    "intent_gap_h": _duration("hours since the last search, view, calculation or application begun"),
    "credit_utilisation": Fact(10, "balances over limits of the revolving credit lines; above 1 is over the limit"),
    "cash_advances_90d": _count("cash advances in the last 90 days"),
    "overdrafts_90d": _count("days overdrawn in the last 90 days"),
    "late_payments_180d": _count("payments that were late in the last 180 days"),
    "debt_to_income": Fact(1_000, "monthly payments on debts over monthly income"),
    "requested_to_income": Fact(1_000, "the amount asked for over yearly income"),
    "contacts_fraud_share": Fact(1, "share of the subject's known contacts that are known fraud"),
    "contacts_default_share": Fact(1, "share of the subject's known contacts that are in default"),
}
_MOST = tuple(fact.most for fact in FACTS.values())


def inputs_of(facts: Mapping[str, Any], path: str = "facts") -> Inputs:
    """Inputs of facts by name; null is missing, true and false are 1 and 0.

    Raises Refused, naming every fact that is unknown or has a value that it cannot have.
    """
    problems, told = [], {}
    for name, value in facts.items():
        fact = FACTS.get(name)
        number = float(value) if isinstance(value, bool | int | float) and abs(value) <= 2.0**60 else None
        if fact is None:
            problems.append(
                Problem(f"{path}.{name}", value, f"there is no such fact; the facts are {', '.join(FACTS)}")
            )
        elif value is not None and (number is None or not 0 <= number <= fact.most):
            problems.append(Problem(f"{path}.{name}", value, _allowed(fact)))
        else:
            told[name] = number
    if problems:
        raise Refused(problems)
    return Inputs(**told)


def _problems(values: tuple[Any, ...]) -> list[Problem]:
    return [
        Problem(f"facts.{name}", value, _allowed(fact))
        for (name, fact), value in zip(FACTS.items(), values, strict=True)
        if value is not None and not (isfinite(value) and 0 <= value <= fact.most)
    ]


def _allowed(fact: Fact) -> str:
    return f"it must be a number from 0 to {fact.most:.16g}"
