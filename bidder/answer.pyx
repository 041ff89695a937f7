"""The answer: the bid response with markup and sealed tracker URLs, and the events that say what was bid."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.string cimport string
from libcpp.unordered_set cimport unordered_set
from libcpp.vector cimport vector
from cpython.unicode cimport PyUnicode_AsUTF8AndSize

from bidder.candidates cimport Candidate, Candidates, append_values
from bidder.context_word cimport context_word
from bidder.expiry cimport expiry
from bidder.facts cimport CREDIT_SCORE, DEVICE_RISK, FRAUD, P_APPROVED, PD, Facts
from bidder.frequency cimport DEVICE, HOUSEHOLD
from bidder.limits cimport billed
from bidder cimport markups as mark
from bidder.markups cimport Markups, Variant
from bidder.seller cimport Seller
from bidder.view cimport Ad, Line, Price, View, price_of
from cython_ext.msgpack cimport pack_array, pack_bool, pack_bytes, pack_double, pack_text, pack_uint
from domain.token cimport Content, FORMAT_AT, MAC_TEXT, SEALED_TEXT, Sealer, pack_context
from openrtb.request cimport BANNER, NATIVE, Request
from openrtb.respond cimport append_cpm, append_json, append_number
from targeting.holds cimport name_bid
from targeting.households cimport number

from urllib.parse import quote

from domain.events import Bid, Kind, Name, encode

cdef int BID_FIELDS = len(Bid.__struct_fields__)
cdef int FIRST_FACT = Bid.__struct_fields__.index("facts")
cdef int FIRST_PREDICTED = Bid.__struct_fields__.index("features")
cdef int BID_TAG = Bid.__struct_config__.tag

cdef int WIN = Kind.WIN
cdef int BILLING = Kind.BILLING
cdef int LOSS = Kind.LOSS
cdef int IMPRESSION = Kind.IMPRESSION
cdef int CLICK = Kind.CLICK
cdef int EVENT = Kind.EVENT

LAST_COUNTER = 0xFFFF_FFFF


cdef class Answer:
    """Writes responses and bid events; one object a worker.

    A bid's id is the worker's incarnation (upper 32 bits) and a counter. It never repeats, and with it the token's nonce.
    """

    cdef Sealer sealer
    cdef object append  # the event log's
    cdef string base
    cdef vector[string] click_bases  # of click URLs, percent-encoded so often
    cdef string out
    cdef string record, features
    cdef readonly uint64_t worker
    cdef readonly uint64_t counter
    cdef unordered_set[uint64_t] named  # sites whose name this worker has logged
    cdef char sealed[SEALED_TEXT]
    cdef uint32_t word  # of the request (`domain.context_word`)

    def __init__(self, Sealer sealer not None, append, str tracker_base not None):
        self.sealer = sealer
        self.append = append
        self.base = tracker_base.encode()
        clicks = f"{tracker_base}/click/"
        for _ in range(3):
            self.click_bases.push_back(clicks.encode())
            clicks = quote(clicks, safe="")
        self.worker = 0
        self.counter = 0

    def start(self, uint64_t worker):
        """Takes a new incarnation number from control; bid ids begin anew under it."""
        self.worker = worker
        self.counter = 0

    @property
    def exhausted(self):
        """Are nearly all bid ids of this incarnation used? Then the worker registers anew."""
        return self.counter >= LAST_COUNTER - 1_000_000

    cdef int url(self, const char *path, int kind, const char *extra, size_t extra_length) except -1:
        """Appends a tracker URL up to and with its token."""
        cdef char mac[MAC_TEXT]
        self.out.append(self.base)
        self.out.append(path)
        self.out.append(self.sealed, SEALED_TEXT)
        self.sealer.bind(kind, self.sealed, extra, extra_length, mac)
        self.out.append(mac, MAC_TEXT)
        return 0

    cdef int click_url(self, View view, Seller seller, int32_t ad) except -1:
        """Appends the click URL; in a banner behind the exchange's own click macro, where it has one."""
        cdef char mac[MAC_TEXT]
        cdef int escapes = seller.click_escapes if view.ads[ad].format == BANNER else 0
        if view.ads[ad].format == BANNER:
            self.out.append(seller.click_macro)
        self.out.append(self.click_bases[escapes])
        self.out.append(self.sealed, SEALED_TEXT)  # its characters are never encoded
        self.sealer.bind(CLICK, self.sealed, view.landings[ad].data(), view.landings[ad].size(), mac)
        self.out.append(mac, MAC_TEXT)
        if escapes:
            self.out.append(view.escaped_queries[2 * ad + escapes - 1])
        else:
            self.out.append(view.click_queries[ad])
        return 0

    def draw(self, uint64_t count) -> int:
        """Takes so many bid ids; returns the first."""
        self.counter += count
        return (self.worker << 32) | (self.counter - count + 1)

    cdef uint64_t seal(self, Candidate *row, View view, Seller seller, Request r, uint64_t bid) except 0:
        cdef Line *line = &view.lines[row.line]
        cdef Price *price = price_of(view, seller, row.line)
        cdef Content content
        cdef uint32_t units = line.units | view.ads[row.ad].units
        cdef int format = view.ads[row.ad].format
        content.bid_ns = <uint64_t>r.now_ns
        content.person = r.person
        content.site = r.site
        content.max_price = billed(row.price, seller, r, row.imp)
        content.advertiser = line.advertiser
        content.campaign = line.campaign
        content.line_item = line.id
        content.creative = view.ads[row.ad].id
        content.deal = row.deal_id
        content.lease = row.lease
        content.rate, content.terms = price.rate_id, price.terms
        content.exchange = seller.id
        content.expiry_s = expiry(seller, r, row.imp)
        # Of a person with several keys it says, too, under which of them the impression is learnt.
        content.device = number(r.device) if units & (1 << DEVICE) or r.joined else 0
        content.household = number(r.household) if units & (1 << HOUSEHOLD) else 0
        content.context = pack_context(self.word, format, seller.bases[format], r.test)
        self.sealer.seal(bid, r.imps[row.imp].place, &content, self.sealed)
        return bid

    cdef int write_bid(self, Candidate *row, View view, Seller seller, Request r, uint64_t bid) except -1:
        cdef int32_t asked = 2 * r.imps[row.imp].format + r.is_dooh
        cdef Ad *ad = &view.ads[row.ad]
        self.out.append(b'{"id":"')
        append_number(&self.out, <int64_t>bid)
        self.out.append(b'","impid":')
        append_json(&self.out, <str>r.imp_ids[r.imps[row.imp].place])
        self.out.append(b',"price":')
        append_cpm(&self.out, row.price)
        self.out.append(b',"exp":')
        append_number(&self.out, expiry(seller, r, row.imp))
        if row.deal >= 0:
            self.out.append(b',"dealid":')
            append_json(&self.out, <str>r.deal_codes[row.deal])
        if seller.tells_win:
            self.out.append(b',"nurl":"')
            self.url(b"/win/", WIN, NULL, 0)
            self.out.append(seller.win_query[asked])
            self.out.push_back(b'"')
        if seller.bases[ad.format] == BILLING:
            self.out.append(b',"burl":"')
            self.url(b"/billing/", BILLING, NULL, 0)
            self.out.append(seller.billing_query[asked])
            self.out.push_back(b'"')
        if seller.tells_loss:
            self.out.append(b',"lurl":"')
            self.url(b"/loss/", LOSS, NULL, 0)
            self.out.append(seller.loss_query)
            self.out.push_back(b'"')
        self.out.append(b',"adm":"')
        self.write_markup(row, view, seller, r, bid)
        self.out.append(b'","cid":"')
        append_number(&self.out, view.lines[row.line].campaign)
        self.out.append(b'",')
        if ad.length_ms:
            self.write_protocol(view.markups.variants[row.variant].protocols)
        if row.flex >= 0:
            self.out.append(b'"wratio":')
            append_number(&self.out, r.flexes[row.flex].size >> 16)
            self.out.append(b',"hratio":')
            append_number(&self.out, r.flexes[row.flex].size & 0xFFFF)
            self.out.push_back(b",")
        if row.slot:
            self.out.append(b'"slotinpod":')
            append_number(&self.out, row.slot)
            self.out.push_back(b",")
        self.out.append(view.brands.categories(ad.brand, r.taxonomy)[0])
        self.out.append(seller.bid_ext)
        self.out.append(view.tails[row.ad])
        return 0

    cdef int write_protocol(self, uint64_t protocols) except -1:
        """Which VAST the markup is."""
        cdef int number = 0
        while protocols > 1:
            protocols >>= 1
            number += 1
        self.out.append(b'"protocol":')
        append_number(&self.out, number)
        self.out.push_back(b",")
        return 0

    cdef int write_markup(self, Candidate *row, View view, Seller seller, Request r, uint64_t bid) except -1:
        cdef Ad *ad = &view.ads[row.ad]
        cdef Markups markups = view.natives.markups if ad.format == NATIVE else view.markups
        cdef Variant *variant = &markups.variants[row.variant]
        cdef int32_t i, aside = -1
        cdef int after
        cdef bint among_asides = False, left_out = False
        for i in range(variant.pieces, variant.pieces + variant.n_pieces):
            if not left_out:
                self.out.append(markups.pieces[i])
            after = markups.marks[i]
            if after == mark.ASIDES:
                among_asides = not among_asides
                left_out = among_asides and row.asides == 0
            elif after == mark.ASIDE and row.asides:
                aside += 1
                left_out = aside < ad.n_asides and not row.asides & (<uint32_t>1 << aside)
            elif left_out:
                continue
            elif after == mark.IMPRESSION:
                self.url(b"/impression/", IMPRESSION, NULL, 0)
                self.out.append(seller.pixel_query[2 * ad.format + r.is_dooh])
            elif after == mark.CLICK:
                self.click_url(view, seller, row.ad)
            elif after == mark.EVENT:
                self.url(b"/event/", EVENT, NULL, 0)
            elif after == mark.CLICKED:
                self.url(b"/clicked/", CLICK, NULL, 0)
            elif after == mark.BID:
                append_number(&self.out, <int64_t>bid)
        return 0

    cdef int log(self, Candidates c, Candidate *row, View view, Seller seller, Request r, uint64_t bid) except -1:
        """A `domain.events.Bid`, written field by field in that order."""
        cdef Line *line = &view.lines[row.line]
        cdef uint32_t size = view.ads[row.ad].size
        cdef string *record = &self.record
        # What was not predicted, or not known of the person, is not told: those fields stand at the end, with defaults.
        cdef bint knows = c.person.known != 0
        cdef bint told = knows or row.scored >= 0 or row.value or row.explored or row.full_price > row.price
        record.clear()
        pack_array(record, 1 + (BID_FIELDS if knows else FIRST_FACT if told else FIRST_PREDICTED))
        pack_uint(record, BID_TAG)
        pack_uint(record, <uint64_t>r.now_ns)
        pack_uint(record, bid)
        pack_uint(record, <uint64_t>r.imps[row.imp].place)
        self.pack_str(r.id)
        pack_uint(record, <uint64_t>seller.id)
        pack_uint(record, line.advertiser)
        pack_uint(record, line.campaign)
        pack_uint(record, line.id)
        pack_uint(record, view.ads[row.ad].id)
        pack_uint(record, row.deal_id)
        pack_uint(record, r.site)
        pack_uint(record, r.person)
        pack_uint(record, <uint64_t>row.price)
        pack_uint(record, <uint64_t>row.floor)
        self.pack_str(seller.currency_name)
        pack_uint(record, size >> 16)
        pack_uint(record, size & 0xFFFF)
        self.pack_str(r.country_code)
        pack_uint(record, <uint64_t>r.device_type)
        pack_bool(record, r.test)
        pack_uint(record, self.word | (<uint32_t>(view.ads[row.ad].format + 1) << FORMAT_AT))
        if told:
            self.pack_prediction(c, row)
        if knows:
            self.pack_facts(&c.person)
        self.append(record.data()[:record.size()])
        return 0

    cdef int pack_prediction(self, Candidates c, Candidate *row) except -1:
        cdef string *record = &self.record
        self.features.clear()
        if row.scored >= 0:
            append_values(c, row, &self.features)
        pack_bytes(record, self.features.data(), <uint32_t>self.features.size())
        pack_uint(record, c.model if row.scored >= 0 else 0)
        pack_double(record, row.ctr)
        pack_double(record, row.cvr)
        pack_uint(record, c.shadow_model if row.scored >= 0 else 0)
        pack_double(record, row.shadow_ctr)
        pack_bool(record, row.explored)
        pack_uint(record, <uint64_t>row.value)
        pack_uint(record, <uint64_t>row.full_price)
        return 0

    cdef int pack_facts(self, const Facts *person) except -1:
        """What was known of the person; what was not is 0."""
        cdef string *record = &self.record
        cdef uint32_t known = person.known
        pack_uint(record, known)
        pack_uint(record, <uint64_t>person.fraud if known & FRAUD else 0)
        pack_uint(record, <uint64_t>person.device_risk if known & DEVICE_RISK else 0)
        pack_uint(record, <uint64_t>person.credit_score if known & CREDIT_SCORE else 0)
        pack_double(record, person.pd if known & PD else 0.0)
        pack_double(record, person.p_approved if known & P_APPROVED else 0.0)
        return 0

    cdef int pack_str(self, str text) except -1:
        cdef Py_ssize_t size
        cdef const char *raw
        try:
            raw = PyUnicode_AsUTF8AndSize(text, &size)
        except UnicodeEncodeError:  # half a surrogate pair, which a lenient reading lets through
            text = text.encode("utf-8", "replace").decode()
            raw = PyUnicode_AsUTF8AndSize(text, &size)
        pack_text(&self.record, raw, <uint32_t>size)
        return 0

    def name_site(self, Request r not None):
        """Logs what the request's site id stands for, once a worker."""
        self.name(r)

    cdef int name(self, Request r) except -1:
        if r.site and not self.named.count(r.site):
            if self.named.size() >= 1_000_000:  # bounded memory; a name logged twice does no harm
                self.named.clear()
            self.named.insert(r.site)
            self.append(encode(Name("site", r.site, r.site_name)))
        return 0

    def name_again(self):
        """Lets each site be named anew: segments in which it was named before will be gone some day."""
        self.named.clear()

    def no_bid(self, Request r not None, int reason) -> bytes:
        """The body that tells the exchange why there is no bid (OpenRTB 7.1)."""
        self.out.clear()
        self.out.append(b'{"id":')
        append_json(&self.out, r.id)
        self.out.append(b',"seatbid":[],"nbr":')
        append_number(&self.out, reason)
        self.out.append(b"}")
        return self.out.data()[:self.out.size()]

    def write(self, Candidates c not None, View view not None, Seller seller not None, Request r not None) -> bytes:
        """The body of the response with all chosen bids; logs a Bid event for each."""
        cdef size_t i, k
        cdef uint64_t bid
        self.name(r)
        self.word = context_word(r)
        self.out.clear()
        self.out.append(b'{"id":')
        append_json(&self.out, r.id)
        for i in range(c.chosen.size()):
            if c.bids.size():
                bid = c.bids[i]
            else:
                self.counter += 1
                bid = (self.worker << 32) | self.counter
            self.seal(&c.chosen[i], view, seller, r, bid)
            for k in range(c.held.size()):
                if c.held[k].place == i:
                    name_bid(c.held[k].bid, bid)
            if i == 0:
                self.out.append(b',"bidid":"')
                append_number(&self.out, <int64_t>bid)
                self.out.append(b'",')
                self.out.append(<bytes>seller.head)
            else:
                self.out.push_back(b",")
            self.write_bid(&c.chosen[i], view, seller, r, bid)
            self.log(c, &c.chosen[i], view, seller, r, bid)
        self.out.append(b'],"group":1}]}' if c.all_or_none else b"]}]}")
        return self.out.data()[:self.out.size()]
