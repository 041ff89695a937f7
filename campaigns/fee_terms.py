"""Which fees a line item's bids are made under, as terms that have a number and never change."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, insert, select

from campaigns.catalogue import Catalogue
from domain.campaign import FeePart, FeeTerms, LineItem, reached_audiences, wanted_values
from pacing import counters
from pacing.tables import fee_terms
from targeting.audience_algebra import Definitions, definitions_of, reached


def agree(conn: Connection, catalogue: Catalogue) -> Mapping[int, FeeTerms]:
    """The terms of each line item that pays fees, by its id. Terms that were never needed before get a new number."""
    known = {parts: FeeTerms(id_, parts) for id_, parts in _stored(conn)}
    fees = {fee.id: FeePart("fee", fee.id, fee.share_ppm, fee.cpm) for fee in catalogue.fees.values()}
    data = {a.id: FeePart("data", a.id, 0, a.data_cpm) for a in catalogue.audiences.values() if a.data_cpm}
    definitions = definitions_of(catalogue.audiences.values())
    of_advertiser = {a.id: a.fees for a in catalogue.advertisers.values()}
    of_campaign = {
        c.id: of_advertiser[c.advertiser] if c.fees is None else c.fees for c in catalogue.campaigns.values()
    }
    agreed = {}
    for item in catalogue.line_items.values():
        parts = (*(fees[id_] for id_ in of_campaign[item.campaign]), *_data_fees(item, data, definitions))
        if not parts:
            continue
        if parts not in known:
            known[parts] = FeeTerms(counters.take(conn, "fee_terms"), parts)
            row = {"id": known[parts].id, "parts": msgspec.to_builtins(parts)}
            conn.execute(insert(fee_terms).values(row))
        agreed[item.id] = known[parts]
    return agreed


def _data_fees(item: LineItem, data: Mapping[int, FeePart], definitions: Definitions) -> list[FeePart]:
    """Of the audiences that the line item reaches, or bids otherwise for, and those that they are made of; leaving
    people out by a list costs nothing."""
    used = reached_audiences(item).union(int(v) for m in item.multipliers for v in wanted_values(m.when, "audience"))
    return [data[id_] for id_ in sorted(reached(used, definitions)) if id_ in data]


def _stored(conn: Connection) -> list[tuple[int, tuple[FeePart, ...]]]:
    rows = conn.execute(select(fee_terms.c.id, fee_terms.c.parts).order_by(fee_terms.c.id))
    return [(id_, msgspec.convert(parts, tuple[FeePart, ...])) for id_, parts in rows]
