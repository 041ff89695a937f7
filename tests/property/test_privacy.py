"""What may be done with a person, against a plain Python reading of the request: for any signals under any policy."""

import json
from pathlib import Path
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from domain.exchange import Exchange, Privacy
from openrtb.decode import decode, decode_through_model
from openrtb.gpp import LAYOUTS, sections, us_choice
from openrtb.privacy import use_of
from openrtb.request import Request
from openrtb.tcf import Vendor
from tests.consent_writing import TcState, gpp, us_core
from tests.examples import examples

BASE = json.loads((Path(__file__).parents[1] / "golden" / "request.json").read_text())
EXCHANGE = Exchange(1, "usx", "USD", {"banner": "burl"})
US = Vendor(755)
YES, NO = TcState(vendor_consents={755}).text(), TcState().text()
TC = st.sampled_from([YES, NO, "", "C", "?"])
FINE = {section: us_core([0] * len(layout)) for section, layout in LAYOUTS.items()}
OUT = {section: us_core([2] * len(layout)) for section, layout in LAYOUTS.items()}
US_PRIVACY = st.sampled_from(["1YNN", "1YYN", "1---", "", "?"])


@st.composite
def gpp_strings(draw: Any) -> str:
    written: dict[int, str] = {}
    for section in draw(st.sets(st.sampled_from([2, 5, 6, 7, 8, 24, 27, 28, 300]), max_size=4)):
        text = (
            TC
            if section == 2
            else US_PRIVACY
            if section == 6
            else st.sampled_from([FINE, OUT]).map(lambda table, section=section: table.get(section, "B"))
        )
        written[section] = draw(text)
    text = gpp(written)
    return draw(st.sampled_from([text, text, text, text.partition("~")[0], "", "DC"]))


def optional(values: dict[str, Any]) -> Any:
    return st.fixed_dictionaries({}, optional=values)


SAID = {
    "gdpr": st.sampled_from([0, 1]),
    "us_privacy": US_PRIVACY,
    "gpp": gpp_strings(),
    "gpp_sid": st.lists(st.sampled_from([-1, 0, 2, 5, 6, 7, 8, 24, 28, 300, 3]), max_size=3),
    "gpc": st.sampled_from([0, 1, "1"]),
}
FLAG = st.sampled_from([0, 1])
REGS = optional({**SAID, "coppa": st.sampled_from([0, 0, 0, 1]), "ext": optional(SAID)})
USERS = optional({"consent": TC, "ext": optional({"consent": TC})})
DEVICES = optional({"lmt": FLAG, "dnt": FLAG})
POLICIES = st.builds(Privacy, **{f.name: st.sampled_from(get_args(f.type)) for f in fields(Privacy)})


def twin(request: dict[str, Any], privacy: Privacy) -> str:
    regs, user, device = request["regs"], request["user"], request["device"]
    older = regs.get("ext", {})

    def said(name: str) -> Any:
        return regs.get(name) or older.get(name)

    consent = user.get("consent") or user.get("ext", {}).get("consent")
    told = [section for section in said("gpp_sid") or [] if section != 0]
    uses = ["ignore"]
    if said("gpp"):
        try:
            written = dict(sections(said("gpp")))
        except ValueError:
            written = {}
            if not told:
                uses.append("contextual")  # whatever it says, it applies
    else:
        written = {}
    applies = {section for section in (told or written) if section > 0 and section not in (3, 4)}
    if said("gdpr") or applies & {1, 2}:
        strings = [text for text in (consent or None, written.get(2)) if text is not None]
        if not strings or not all(US.may_profile(text) for text in strings):
            uses.append(privacy.gdpr)
    if said("us_privacy") and us_choice(6, said("us_privacy")) != "may_use":
        uses.append(privacy.us)
    for section in applies:
        if 6 <= section <= 27:
            text = written.get(section)
            if section == 6 and text is None and said("us_privacy"):
                continue
            if text is None or us_choice(section, text) != "may_use":
                uses.append(privacy.us)
        elif section not in (1, 2):
            uses.append("contextual")
    if said("gpc"):
        uses.append(privacy.us)
    uses += [
        getattr(privacy, name) for name, raised in (("lmt", device.get("lmt")), ("dnt", device.get("dnt"))) if raised
    ]
    if regs.get("coppa"):
        uses.append(privacy.coppa)
    return "no_bid" if "no_bid" in uses else "contextual" if "contextual" in uses else "full"


@settings(max_examples=examples(1000), deadline=None)
@given(REGS, USERS, DEVICES, POLICIES)
def test_any_signals_under_any_policy(regs: Any, user: Any, device: Any, privacy: Privacy) -> None:
    document = {**BASE, "regs": regs, "user": user, "device": device}
    body = json.dumps(document).encode()
    for way in (decode, decode_through_model):
        request = Request()
        assert way(request, body, EXCHANGE, 0) == 0
        assert use_of(request, privacy, US) == twin(document, privacy)
