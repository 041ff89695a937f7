"""Supply: through whose hands the impression comes, and whether a line item wants it from them.

Block lists first (sites, bundles, publishers, nodes of the supply chain), then each line item's rules on ads.txt,
sellers.json and the chain. What the files say is looked up only where a line item with such a rule is left.
"""

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from bidder.candidates cimport Candidate, Candidates, keep
from bidder.enrichment.supply cimport SupplyModule
from bidder.seller cimport Seller
from bidder.view cimport (
    AUTHORISED, CHAIN_NOT_BROKEN, CHAIN_WHOLE, IS_DIRECT, IS_LISTED, NOT_MISSING, NOT_UNAUTHORISED, BlockScope,
    Line, View, blocked_bundle, blocked_node, blocked_publisher,
)
from openrtb.request cimport BROKEN, Request, UNTOLD, WHOLE
from targeting.sellers cimport LISTED, NO_FILE, UNKNOWN, UNLISTED

from openrtb.nobid import NoBidReason

cdef enum Why:
    FINE
    SITE
    NODE
    CHAIN
    HOPS
    UNAVAILABLE
    VIOLATION
    UNLISTED_SELLER

CODES = (
    0, NoBidReason.BLOCKED_PUBLISHER, NoBidReason.BLOCKED_SCHAIN_NODE, NoBidReason.INCOMPLETE_SCHAIN,
    NoBidReason.SCHAIN_TOO_LONG, NoBidReason.ADS_TXT_UNAVAILABLE, NoBidReason.ADS_TXT_VIOLATION,
    NoBidReason.SELLER_NOT_LISTED,
)
WORDS = (
    "", "", "", "the supply chain is incomplete, or not told where it must be", "the supply chain has too many nodes",
    "what the seller is to the publisher is not known, and it must be",
    "ads.txt does not name the seller, or a node of the chain, as it must be named",
    "sellers.json does not list a seller, or is not known where it must list it",
)
cdef uint32_t ADS_TXT_RULES = NOT_UNAUTHORISED | AUTHORISED | IS_DIRECT
cdef uint32_t SELLERS_JSON_RULES = NOT_MISSING | IS_LISTED

cdef struct Hit:
    int32_t list           # place in View.block_scopes
    bint node              # a node of the chain is on it, else the site, app or publisher
    uint64_t entry


cdef void hit(View view, uint64_t entry, bint node, vector[Hit] &hits) noexcept nogil:
    cdef Hit found
    cdef size_t i
    if entry and view.blocked.count(entry):
        for i in range(view.blocked[entry].size()):
            found.list, found.node, found.entry = view.blocked[entry][i], node, entry
            hits.push_back(found)


cdef void find_hits(View view, Seller seller, Request r, vector[Hit] &hits) noexcept nogil:
    cdef size_t i
    if r.is_app:
        hit(view, blocked_bundle(r.site), False, hits)
        hit(view, r.app_domain, False, hits)
    else:
        for i in range(r.sites.size()):
            hit(view, r.sites[i], False, hits)
    if r.publisher:
        hit(view, blocked_publisher(seller.id, r.publisher), False, hits)
    for i in range(r.chain.size()):
        hit(view, blocked_node(r.chain[i].asi, 0), True, hits)
        if r.chain[i].sid:
            hit(view, blocked_node(r.chain[i].asi, r.chain[i].sid), True, hits)


cdef inline int first_block(Line *line, View view, vector[Hit] &hits) noexcept nogil:
    """Place in ``hits`` of the first that holds for this line item; -1: none does."""
    cdef size_t i
    cdef BlockScope *scope
    for i in range(hits.size()):
        scope = &view.block_scopes[hits[i].list]
        if (
            (scope.agency == 0 or scope.agency == line.agency)
            and (scope.advertiser == 0 or scope.advertiser == line.advertiser)
            and (scope.campaign == 0 or scope.campaign == line.campaign)
        ):
            return <int>i
    return -1


cdef uint32_t chain_facts(Request r, Seller seller) noexcept nogil:
    """A chain that does not end at the exchange that sends it was copied, not continued: it is incomplete."""
    cdef size_t n = r.chain.size()
    if r.chain_state == UNTOLD:
        return CHAIN_NOT_BROKEN
    if r.chain_state == BROKEN or (seller.ads_domain and r.chain[n - 1].asi != seller.ads_domain):
        return 0
    return CHAIN_NOT_BROKEN | CHAIN_WHOLE


cdef uint32_t ads_txt_facts(int answer) noexcept nogil:
    if answer == UNLISTED:
        return 0
    if answer < LISTED:
        return NOT_UNAUTHORISED
    return NOT_UNAUTHORISED | AUTHORISED | (IS_DIRECT if answer > LISTED else 0)


cdef uint32_t sellers_json_facts(int answer) noexcept nogil:
    if answer == UNLISTED:
        return 0
    return NOT_MISSING | (IS_LISTED if answer >= LISTED else 0)


cdef inline int broken_rule(Line *line, uint32_t facts, int32_t hops, int ads_txt) noexcept nogil:
    cdef uint32_t failing = line.supply_needs & ~facts
    if line.max_hops and hops > line.max_hops:
        return HOPS
    if not failing:
        return FINE
    if failing & (CHAIN_NOT_BROKEN | CHAIN_WHOLE):
        return CHAIN
    if failing & ADS_TXT_RULES:
        return UNAVAILABLE if ads_txt == UNKNOWN or ads_txt == NO_FILE else VIOLATION
    return UNLISTED_SELLER


def supply(
    Candidates c not None, View view not None, Seller seller not None, Request r not None, SupplyModule sellers not None
):
    """Takes out whose block lists or rules are against the seller; 0, or the no-bid reason when nobody is left."""
    cdef vector[Hit] hits
    cdef size_t i, kept = 0, n = c.rows.size()
    cdef uint32_t needs = 0, facts = 0
    cdef int why, found, answer = UNKNOWN
    cdef int counts[8]
    cdef Candidate *rows = c.rows.data()
    cdef Line *line
    if not view.blocked.empty():
        find_hits(view, seller, r, hits)
    if view.supply_rules:
        for i in range(n):
            needs |= view.lines[rows[i].line].supply_needs | (view.lines[rows[i].line].max_hops > 0)
    if not needs and hits.empty():
        return 0
    facts = chain_facts(r, seller)
    if needs & ADS_TXT_RULES:
        answer = sellers.ads_txt(r, seller)
        facts |= ads_txt_facts(answer)
    if needs & SELLERS_JSON_RULES:
        facts |= sellers_json_facts(sellers.sellers_json(r, seller))
    for i in range(8):
        counts[i] = 0
    for i in range(n):
        line = &view.lines[rows[i].line]
        found = first_block(line, view, hits)
        if found >= 0:
            why = NODE if hits[found].node else SITE
        else:
            why = broken_rule(line, facts, <int32_t>r.chain.size(), answer)
        counts[why] += 1
        if why == FINE:
            kept = keep(c, i, kept)
        elif c.keep_reasons:
            said = view.say_block(hits[found].list, hits[found].entry) if found >= 0 else WORDS[why]
            c.out("supply", rows[i].line, rows[i].ad, rows[i].imp, said)
    c.rows.resize(kept)
    if kept:
        return 0
    why = SITE
    for i in range(<size_t>SITE, 8):  # what kept most of them away, and of equals the first
        if counts[i] > counts[why]:
            why = <int>i
    return CODES[why]
