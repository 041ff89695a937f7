"""Advertisers as block lists see them: their domains with all parents, their categories in every taxonomy."""

from libc.stdint cimport int32_t, uint64_t
from libcpp.string cimport string

from openrtb.request cimport folded

import json

from openrtb.taxonomies import CODES, CONTENT_1, judge, told_in


def domain_with_parents(domain: str) -> list:
    """``www.shop.example`` -> itself and ``shop.example``."""
    parts = domain.split(".")
    return [".".join(parts[i:]) for i in range(max(1, len(parts) - 1))]


def declared_of(creative, advertiser) -> dict:
    """Categories by the taxonomy's code. A creative's own stand alone: it may be for something else."""
    if creative.categories:
        return {CONTENT_1: creative.categories}
    return {CONTENT_1: advertiser.categories, **{CODES[name]: ids for name, ids in advertiser.categories_in.items()}}


def categories_told(declared: dict, code: int) -> str:
    """``cat`` of bids on requests whose ``cattax`` is ``code``, a fragment of JSON: in that taxonomy where the categories
    have a place in it, else in Content 1.0, which is then said (OpenRTB 2.6, 4.2.3: without ``cattax`` it is meant).
    """
    own = sorted(told_in(declared, code)) if 1 < code else []
    if own:
        return f'"cat":{json.dumps(own, separators=(",", ":"))},"cattax":{code},'
    plain = f'"cat":{json.dumps(list(declared[CONTENT_1]), separators=(",", ":"))},'
    return plain if code == CONTENT_1 else f'{plain}"cattax":{CONTENT_1},'


cdef class Brands:

    def __init__(self):
        self.places = {}

    cdef int32_t add(self, creative, advertiser) except -1:
        """Place of the brand that a creative is for."""
        cdef Brand row
        cdef int code
        domain, declared = creative.domain or advertiser.domain, declared_of(creative, advertiser)
        key = (advertiser.id, domain, tuple(declared.items()))
        found = self.places.get(key)
        if found is not None:
            return found
        row.advertiser = advertiser.id
        row.domains = <int32_t>self.names.size()
        self.add_names(domain_with_parents(domain))
        row.n_domains = <int32_t>self.names.size() - row.domains
        row.tops = <int32_t>self.names.size()
        self.add_names(sorted({category.split("-", 1)[0] for category in declared[CONTENT_1]}))
        row.n_tops = <int32_t>self.names.size() - row.tops
        for code in range(TAXONOMIES):
            self.told.push_back(categories_told(declared, code).encode())
            told = judge(declared, code) if code else None
            row.judged[code].known = told is not None
            row.judged[code].blocked = <int32_t>self.names.size()
            self.add_names(sorted(told.blocked_by) if told is not None else ())
            row.judged[code].n_blocked = <int32_t>self.names.size() - row.judged[code].blocked
            row.judged[code].allowed = <int32_t>self.names.size()
            for category in (told.allowed_by if told is not None else ()):
                self.add_names(sorted(category))
                self.names.push_back(0)
            row.judged[code].n_allowed = <int32_t>self.names.size() - row.judged[code].allowed
        self.places[key] = <int32_t>self.rows.size()
        self.rows.push_back(row)
        return self.places[key]

    cdef void add_names(self, names) except *:
        for name in names:
            self.names.push_back(folded(name))

    cdef const string *categories(self, int32_t brand, int taxonomy) noexcept nogil:
        return &self.told[brand * TAXONOMIES + (taxonomy if 0 < taxonomy < TAXONOMIES else 0)]

    def __len__(self):
        return self.rows.size()
