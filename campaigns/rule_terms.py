"""What marketers say about rules: categories in other taxonomies, advertised apps, full-screen placements, rivals,
roadblocks. Checks of these fields of a campaign file.
"""

import re
from collections.abc import Mapping
from typing import Any

from campaigns import values
from campaigns.references import References
from domain.campaign import INTERSTITIALS, ONE_PER_POD, POD_SLOTS, ROADBLOCKS, Advertiser
from domain.entry import Entry, Wrong
from openrtb.taxonomies import CODES, tree

LINE_ITEM_RULES = (
    "deals_only",
    "interstitials",
    "roadblock",
    "competitive_separation",
    "competitors",
    "one_per_pod",
    "pod_slot",
)

_STORE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,254}")


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("it must be true or false")
    return value


def store_id(value: Any) -> str:
    """As exchanges list it in ``bapp``: ``com.bank.app`` in Google Play, ``123456789`` in Apple's App Store."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _STORE_ID.fullmatch(text):
        raise Wrong("it must be an app's store id: a bundle such as 'com.bank.app', or Apple's number")
    return text


def ad_language(value: Any) -> str:
    """What ``wlang`` is compared with; ``xx`` for an ad without words (AdCOM, ``Ad.lang``)."""
    if value == "xx":
        return "xx"
    try:
        return values.language(value)
    except Wrong as wrong:
        raise Wrong(f"{wrong.allowed}, or 'xx' for an ad without words") from None


def categories_in(value: Any) -> dict[str, tuple[str, ...]]:
    """``{ad_product_2.0: [1337]}``: ids that the taxonomy has, numbers or text."""
    if not isinstance(value, dict) or not value:
        raise Wrong("it must be a mapping from taxonomies to lists of their ids")
    faults: list[tuple[str, object, str]] = []
    found: dict[str, tuple[str, ...]] = {}
    for name, ids in value.items():
        if name not in CODES:
            faults.append((f".{name}", ids, f"there is no such taxonomy; there are {', '.join(CODES)}"))
            continue
        try:
            found[name] = values.listed(_id_of(tree(CODES[name]), name), least=1)(ids)
        except Wrong as wrong:
            faults += [(f".{name}{b}", v, a) for b, v, a in wrong.faults or (("", ids, wrong.allowed),)]
    if faults:
        raise Wrong("", *faults)
    return {name: found[name] for name in CODES if name in found}


def _id_of(known: Mapping[str, str], taxonomy: str) -> values.Check[str]:
    def check(value: Any) -> str:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or text not in known:
            raise Wrong(f"it must be an id of the taxonomy {taxonomy}, as IAB Tech Lab publishes it")
        return text

    return check


def line_item_rules(e: Entry, references: References, owner: Advertiser | None) -> dict[str, Any]:
    """The fields of a `LineItem` that say where and beside whom it is shown."""
    if "deals_only" in e.values and not e.values.get("deals"):
        e.wrong("deals_only", e.values["deals_only"], "it says how deals are used, and there are none")
    rivals = e.take("competitors", values.listed(references.id_of("advertisers", "an advertiser")), ())
    if owner and rivals and owner.id in rivals:
        e.wrong("competitors", owner.key, "it must be another advertiser than the line item's own")
    return {
        "deals_only": e.take("deals_only", flag, True),
        "interstitials": e.take("interstitials", values.choice(*INTERSTITIALS), "any"),
        "roadblock": e.take("roadblock", values.choice(*ROADBLOCKS), "none"),
        "separate_categories": e.take("competitive_separation", values.choice("none", "category"), "none")
        == "category",
        "separate_from": tuple(sorted(rivals or ())),
        "one_per_pod": e.take("one_per_pod", values.choice(*ONE_PER_POD), "line_item"),
        "pod_slot": e.take("pod_slot", values.choice(*POD_SLOTS), "any"),
    }
