"""The compiled bid request: flat numbers for the compiled stages. `openrtb.decode` fills it.

It is used again for every request of a worker, so that nothing is allocated. Text that is compared becomes a 64-bit name
id (`domain.naming`); text that is only passed on stays a Python string.
"""

from libc.math cimport ceil, fabs
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy
from cython_ext.json_cursor cimport Text
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from cython_ext.siphash cimport siphash, siphash_lowered

from domain.naming import KEY

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object)

cdef uint64_t K0, K1
memcpy(&K0, <const char *>(<bytes>KEY), 8)
memcpy(&K1, <const char *>(<bytes>KEY) + 8, 8)

cdef int64_t MAX_CPM = 1_000_000_000_000_000
cdef int64_t UNREADABLE_FLOOR = MAX_CPM

MIMES = {
    "image/png": 1, "image/jpeg": 2, "image/jpg": 2, "image/gif": 4, "image/webp": 8, "text/html": 16,
    "text/javascript": 32, "application/javascript": 32, "image/svg+xml": 64,
    "video/mp4": 1 << 8, "video/webm": 1 << 9, "video/ogg": 1 << 10, "video/quicktime": 1 << 11, "video/3gpp": 1 << 12,
    "application/x-mpegurl": 1 << 13, "application/vnd.apple.mpegurl": 1 << 13, "application/dash+xml": 1 << 14,
    "audio/mpeg": 1 << 16, "audio/mp3": 1 << 16, "audio/mp4": 1 << 17, "audio/aac": 1 << 18, "audio/ogg": 1 << 19,
    "audio/wav": 1 << 20, "audio/x-wav": 1 << 20, "audio/m4a": 1 << 17, "audio/x-m4a": 1 << 17, "audio/webm": 1 << 21,
}
"""Creative content types as bits; a type that is not here matches no creative of ours."""

cdef dict MIME_BITS = MIMES
cdef uint32_t OTHER_MIME = 1 << 31


cdef uint32_t mime_bit(str mime):
    bit = MIME_BITS.get(mime)
    return <uint32_t>(bit if bit is not None else MIME_BITS.get(mime.lower(), OTHER_MIME))


cdef uint64_t folded_bytes(const char *text, Py_ssize_t size) noexcept nogil:
    """Name id of lower-cased ASCII, the same as `folded` has."""
    return siphash_lowered(K0, K1, <const unsigned char *>text, size) if size else 0


cdef uint64_t folded(str text):
    """Name id of the lower-cased text."""
    cdef Py_ssize_t size
    cdef const char *raw
    if not text:
        return 0
    raw = PyUnicode_AsUTF8AndSize(text, &size)
    if PyUnicode_IS_ASCII(text):
        return folded_bytes(raw, size)
    return exact(text.lower())


cdef uint64_t exact_bytes(const char *text, Py_ssize_t size) noexcept nogil:
    return siphash(K0, K1, <const unsigned char *>text, size) if size else 0


cdef uint64_t exact(str text):
    """Name id of the text as it is."""
    cdef Py_ssize_t size
    cdef const char *raw = PyUnicode_AsUTF8AndSize(text, &size)
    return exact_bytes(raw, size)


cdef uint32_t currency_code(str text):
    """As `currency_of`."""
    cdef Py_ssize_t size
    cdef const char *raw = PyUnicode_AsUTF8AndSize(text, &size)
    return currency_of(raw, size)


cdef int64_t cpm_micros(double cpm) noexcept nogil:
    """A floor in CPM -> micros, never below what was asked; -1 for a negative floor."""
    if cpm < 0:
        return -1
    cdef double micros = cpm * 1e6
    if micros > <double>MAX_CPM:
        return MAX_CPM
    cdef int64_t near = <int64_t>(micros + 0.5)
    return near if fabs(micros - <double>near) < 1e-4 else <int64_t>ceil(micros)


cdef class Request:

    cdef int begin(self, object exchange, int64_t now_ns) except -1:
        """Empties it for the next request."""
        self.model = None
        self.now_ns = now_ns
        self.hour_of_week = <int>((now_ns // 3_600_000_000_000 + 72) % 168)  # 1970-01-01 was a Thursday
        self.auction_type = exchange.auction_type
        self.tmax = self.device_type = 0
        self.signals = 0
        self.consent.size = self.us_privacy.size = self.gpp.size = 0
        self.gpp_sections = 0
        self.gpp_sections_told = False
        self.lent = None
        self.test = self.is_app = self.is_dooh = self.all_imps = self.has_pods = False
        self.taxonomy = 1
        self.personal = self.seat_allowed = self.currency_allowed = True
        self.device = self.household = self.former = 0
        self.eids.clear()
        self.ids.clear()
        self.met, self.joined = -1, False
        self.person = self.site = self.publisher = self.app_domain = self.partner = 0
        self.chain_state = UNTOLD
        self.chain.clear()
        self.language = self.os = self.browser = self.country = self.region = self.city = 0
        self.site_name = self.country_code = ""
        self.user_agent = self.os_text = self.address = None
        self.place = None
        self.record = None
        self.imp_ids = []
        self.deal_codes = []
        self.imps.clear()
        self.deals.clear()
        self.sizes.clear()
        self.flexes.clear()
        self.players.clear()
        self.lengths.clear()
        self.length_floors.clear()
        self.deal_floors.clear()
        self.asides.clear()
        if self.natives is None or self.natives:
            self.natives = []
        self.deal_domains.clear()
        self.bcat.clear()
        self.acat.clear()
        self.badv.clear()
        self.bapp.clear()
        self.tongues.clear()
        self.categories.clear()
        self.sites.clear()
        self.segments.clear()
        return 0

    cdef void add_size(self, int64_t width, int64_t height) noexcept nogil:
        if 0 < width < 65536 and 0 < height < 65536:
            self.sizes.push_back((<uint32_t>width << 16) | <uint32_t>height)

    cdef void add_flex(self, int64_t width, int64_t height, int64_t min_width) noexcept nogil:
        """A size by ratio; ``min_width`` 0: any."""
        cdef Flex row
        if 0 < width < 65536 and 0 < height < 65536 and min_width < 65536:
            row.size = (<uint32_t>width << 16) | <uint32_t>height
            row.min_width = <int32_t>max(0, min_width)
            self.flexes.push_back(row)

    cdef void add_asides(self, Imp *banner) noexcept nogil:
        """The sizes of a companion's banner, which is no imp, move to where companions look for them."""
        cdef Aside aside
        cdef int32_t i
        aside.mimes = banner.mimes
        for i in range(banner.sizes, banner.sizes + banner.n_sizes):
            aside.size, aside.min_width = self.sizes[i], -1
            self.asides.push_back(aside)
        for i in range(banner.flexes, banner.flexes + banner.n_flexes):
            aside.size, aside.min_width = self.flexes[i].size, self.flexes[i].min_width
            self.asides.push_back(aside)
        self.sizes.resize(banner.sizes)
        self.flexes.resize(banner.flexes)

    cdef void close_pod(self, Imp *row, Player *player, uint64_t pod) noexcept nogil:
        """Which pod a video or audio is in, and whether it takes several ads (7.6). ``pod``: name id of ``podid``; 0:
        absent, then a dynamic pod is one by itself.
        """
        row.dynamic = player.pod_s > 0 and player.pod_ads != 1
        row.pod = pod if pod else <uint64_t>row.place + 1 if row.dynamic else 0

    cdef void add_imp(self, Imp *row) noexcept nogil:
        """Takes a row that is complete but for its mask."""
        cdef int32_t i
        if row.format != BANNER:
            row.size_mask = format_bit(row.format)
        elif row.n_flexes:
            row.size_mask = ~<uint64_t>0
        else:
            row.size_mask = 0
            for i in range(row.sizes, row.sizes + row.n_sizes):
                row.size_mask |= size_bit(self.sizes[i])
        if row.pod:
            self.has_pods = True
        self.imps.push_back(row[0])

    cdef void add_node(self, uint64_t asi, uint64_t sid, bint paid) noexcept nogil:
        """A node of the supply chain. One without system or seller, or that is not paid (``hp``), breaks the chain."""
        cdef ChainNode node
        node.asi, node.sid = asi, sid
        self.chain.push_back(node)
        if not asi or not sid or not paid:
            self.chain_state = BROKEN

    cdef void end_chain(self, bint complete, const char *version, Py_ssize_t size) noexcept nogil:
        """After its last node. ``version``: ``1.0``; a later minor one can be read, another major one cannot."""
        if not complete or self.chain.size() == 0:
            self.chain_state = BROKEN
        elif size and (version[0] != 49 or (size > 1 and version[1] != 46)):  # 1 and .
            self.chain_state = BROKEN
        elif self.chain_state != BROKEN:
            self.chain_state = WHOLE

    cdef void add_parents(self, const char *domain, Py_ssize_t size) noexcept nogil:
        """``news.example.com`` belongs to ``example.com`` too (but not to ``com``). ``domain`` is plain ASCII."""
        cdef Py_ssize_t i, last = -1
        for i in range(size):
            if domain[i] == 46:
                last = i
        for i in range(last):
            if domain[i] == 46:
                self.sites.push_back(folded_bytes(domain + i + 1, size - i - 1))

    def forget_person(self):
        """From here on nobody knows who this is: no id in events or tokens, no profile, no cap, no city, half an address."""
        self.personal = False
        self.person = self.device = self.household = self.former = 0
        self.eids.clear()
        self.ids.clear()
        self.city = 0
        if self.place is not None and self.place[2] is not None:
            self.place = (self.place[0], self.place[1], None)
        if self.address is not None:
            self.address = coarse(self.address)

    @property
    def repairs(self):
        """What had to be mended to read it, in words."""
        return (self.model.repairs or []) if self.model is not None else []

    def formats(self):
        """Of each imp that can be bid on: (place, place in `domain.creative.FORMATS`)."""
        return [(row.place, row.format) for row in self.imps]

    def size_list(self):
        """Offered banner sizes, for people."""
        return [f"{s >> 16}x{s & 0xFFFF}" for s in self.sizes]

    def fields(self):
        """All that was read, as plain values: for comparing two ways of reading."""
        from openrtb import person_ids  # which is built upon this

        return {
            "id": self.id, "imp_ids": self.imp_ids, "deal_codes": self.deal_codes,
            "imps": [offer_of(self, x) for x in self.imps],
            "deals": [dict(x) for x in self.deals], "sizes": list(self.sizes), "flexes": [dict(x) for x in self.flexes],
            "is_dooh": self.is_dooh, "has_pods": self.has_pods, "deal_domains": list(self.deal_domains),
            "bcat": list(self.bcat), "acat": list(self.acat), "badv": list(self.badv),
            "categories": sorted(self.categories), "sites": sorted(self.sites), "person": self.person, "site": self.site,
            "ids": person_ids.named_by(self),
            "site_name": self.site_name, "language": self.language, "device_type": self.device_type,
            "auction_type": self.auction_type, "tmax": self.tmax, "is_app": self.is_app, "test": self.test,
            "bapp": list(self.bapp), "tongues": sorted(self.tongues), "taxonomy": self.taxonomy, "all_imps": self.all_imps,
            "length_floors": [dict(x) for x in self.length_floors],
            "deal_floors": [dict(x) for x in self.deal_floors], "seat_allowed": self.seat_allowed,
            "currency_allowed": self.currency_allowed, "user_agent": self.user_agent, "os_text": self.os_text,
            "address": self.address, "place": self.place, "hash": self.hash, "publisher": self.publisher,
            "app_domain": self.app_domain, "partner": self.partner,
            "chain": [dict(x) for x in self.chain], "chain_state": self.chain_state,
            "signals": self.signals,
            "consent": as_bytes(&self.consent), "us_privacy": as_bytes(&self.us_privacy), "gpp": as_bytes(&self.gpp),
            "gpp_sections": self.gpp_sections, "gpp_sections_told": self.gpp_sections_told,
        }

    # Privacy signals.

    cdef void apply_section(self, int64_t section) noexcept nogil:
        """One entry of ``gpp_sid``. 0 says that nobody knows yet, a negative one that none applies."""
        if section != 0:
            self.gpp_sections_told = True
        if section > 0:
            self.gpp_sections = self.gpp_sections | (<uint64_t>1 << (section if section < 64 else 0))

    cdef void close_signals(self, int64_t coppa, int64_t gdpr, int64_t gpc) noexcept nogil:
        """Once the texts are in place: which signals are there."""
        if coppa > 0:
            self.signals = self.signals | COPPA
        if gdpr != 0:
            self.signals = self.signals | GDPR
        if gpc > 0:
            self.signals = self.signals | GPC
        if self.us_privacy.size:
            self.signals = self.signals | US_PRIVACY
        if self.gpp_sections or (self.gpp.size and not self.gpp_sections_told):
            self.signals = self.signals | GPP


cdef bytes as_bytes(Text *text):
    return text.start[: text.size] if text.size else b""


cdef str coarse(str address):
    """An address without what tells households apart: IPv4 without its last byte, IPv6 its first 48 bits."""
    if ":" in address:
        return ":".join(address.split("::", 1)[0].split(":")[:3]) + "::"
    return address.rpartition(".")[0] + ".0"


cdef dict offer_of(Request r, Imp row):
    """A row with what its ``detail`` leads to, since the order of details is that in which they were read."""
    cdef Player player
    offer = dict(row)
    place = offer.pop("detail")
    if row.format == NATIVE:
        offer["native"] = r.natives[place]
    elif row.format != BANNER:
        player = r.players[row.detail]
        offer["player"] = dict(player)
        del offer["player"]["lengths"], offer["player"]["asides"]
        offer["asides"] = [dict(r.asides[i]) for i in range(player.asides, player.asides + player.n_asides)]
        offer["rqddurs"] = [r.lengths[i] for i in range(player.lengths, player.lengths + player.n_lengths)]
    return offer


cdef str host_of(str page):
    """Host of a URL, without its port; None if there is none."""
    if not page or "//" not in page:
        return None
    host = page.split("//", 1)[1].split("/", 1)[0].split("?", 1)[0].rpartition("@")[2].split(":", 1)[0]
    return host or None
