"""Is this seller allowed to sell this site or app? What ads.txt, app-ads.txt and sellers.json say, from the host's store.

The seller is the account that the request names (``publisher.id``) at the exchange, under the exchange's own name in
ads.txt (``ads_domain``). Where there is a supply chain, each of its nodes must be authorised too (ads.txt 1.1; the
SupplyChain object): one that is not decides, else what the seller itself is (direct or reseller).
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint8_t, uint64_t

from bidder.seller cimport Seller
from openrtb.request cimport ChainNode, Request
from targeting.sellers cimport (
    ADS_TXT, APP_ADS_TXT, LISTED, SELLERS_JSON, UNKNOWN, UNLISTED, alias_of, said, seller_key,
)

ADS_TXT_WORDS = (
    "not known (no file was fetched, or the seller is not told)", "no file", "not authorised", "authorised reseller",
    "direct",
)
SELLERS_JSON_WORDS = ("not known", "not known", "missing", "listed", "listed", "listed")
CHAIN_WORDS = ("not told", "incomplete", "complete")


cdef inline int of_node(ChainNode *node, Py_buffer *view, int64_t now_s) noexcept nogil:
    """What a record says of a node; one without a seller is nobody's. (A domain alone stands for an inventory partner.)"""
    if not node.asi or not node.sid:
        return UNLISTED
    return said(<const uint8_t *>view.buf, view.len, seller_key(node.asi, node.sid), now_s)


cdef class SupplyModule:

    def __init__(self, reader=None):
        self.reader = reader

    cdef int ads_txt(self, Request r, Seller seller) except -1:
        cdef int64_t now_s = r.now_ns // 1_000_000_000
        cdef uint64_t account = r.publisher
        cdef Py_buffer view
        cdef int answer = UNKNOWN, node
        cdef size_t i, n = r.chain.size()
        if self.reader is None:
            return UNKNOWN
        if not account and n and seller.ads_domain and r.chain[n - 1].asi == seller.ads_domain:
            account = r.chain[n - 1].sid
        if not (seller.ads_domain and account) and not n:
            return UNKNOWN
        self.fetched = self.record_of(r)
        if self.fetched is None:
            return UNKNOWN
        PyObject_GetBuffer(self.fetched, &view, PyBUF_SIMPLE)
        try:
            if seller.ads_domain and account:
                answer = said(<const uint8_t *>view.buf, view.len, seller_key(seller.ads_domain, account), now_s)
            else:
                answer = of_node(&r.chain[n - 1], &view, now_s)
            if answer >= LISTED:
                for i in range(n):
                    node = of_node(&r.chain[i], &view, now_s)
                    if node < LISTED:
                        answer = node
                        break
        finally:
            PyBuffer_Release(&view)
            self.fetched = None
        return answer

    def record_of(self, Request r not None):
        """The record of the site's or app's file: its own, else that of the domain it belongs to.

        Where the file confirms the inventory partner that the request names, the partner's file counts instead.
        """
        cdef object record = None
        cdef Py_buffer view
        cdef int confirmed
        cdef uint64_t kind = APP_ADS_TXT if r.is_app else ADS_TXT
        cdef size_t i
        for i in range(r.sites.size()):
            record = self.reader.get(r.sites[i] ^ kind)
            if record is not None:
                break
        if record is None and r.app_domain:
            record = self.reader.get(r.app_domain ^ kind)
        record = self.behind_alias(record, kind)
        if record is None or not r.partner:
            return record
        PyObject_GetBuffer(record, &view, PyBUF_SIMPLE)
        confirmed = said(<const uint8_t *>view.buf, view.len, seller_key(r.partner, 0), r.now_ns // 1_000_000_000)
        PyBuffer_Release(&view)
        return self.behind_alias(self.reader.get(r.partner ^ kind), kind) if confirmed >= LISTED else record

    def behind_alias(self, record, uint64_t kind):
        """The record that counts for a name's."""
        cdef Py_buffer view
        cdef uint64_t domain
        if record is None:
            return None
        PyObject_GetBuffer(record, &view, PyBUF_SIMPLE)
        domain = alias_of(<const uint8_t *>view.buf, view.len)
        PyBuffer_Release(&view)
        return self.reader.get(domain ^ kind) if domain else record

    cdef int sellers_json(self, Request r, Seller seller) except -1:
        cdef int64_t now_s = r.now_ns // 1_000_000_000
        cdef size_t i, n = r.chain.size()
        cdef int worst = LISTED
        if self.reader is None:
            return UNKNOWN
        if seller.ads_domain and r.publisher:
            worst = self.ask(seller.ads_domain ^ SELLERS_JSON, seller.ads_domain, r.publisher, now_s, worst)
        elif not n:
            return UNKNOWN
        for i in range(n):
            if r.chain[i].asi == seller.ads_domain and r.chain[i].sid == r.publisher:
                continue
            worst = self.ask(r.chain[i].asi ^ SELLERS_JSON, r.chain[i].asi, r.chain[i].sid, now_s, worst)
        return worst

    cdef int ask(self, uint64_t key, uint64_t system, uint64_t account, int64_t now_s, int worst) except -1:
        """The worse of ``worst`` and what a system's own file says; missing is worse than not known."""
        cdef Py_buffer view
        cdef int answer
        if worst == UNLISTED:
            return worst
        record = self.reader.get(key)
        if record is None:
            return UNKNOWN
        PyObject_GetBuffer(record, &view, PyBUF_SIMPLE)
        answer = said(<const uint8_t *>view.buf, view.len, seller_key(system, account), now_s)
        PyBuffer_Release(&view)
        if answer == UNLISTED:
            return UNLISTED
        return LISTED if answer >= LISTED and worst == LISTED else UNKNOWN

    def describe(self, Request r not None, Seller seller not None):
        """What is known of the request's sellers, for people."""
        return {
            "ads_txt": ADS_TXT_WORDS[self.ads_txt(r, seller)],
            "sellers_json": SELLERS_JSON_WORDS[self.sellers_json(r, seller)],
            "schain": CHAIN_WORDS[r.chain_state] + (f", {r.chain.size()} nodes" if r.chain.size() else ""),
        }
