"""The compiled bid request: what `openrtb.model` holds as objects, as flat numbers for the compiled stages.

`Request.read` fills it from the typed model; it is used again for every request of a worker, so that nothing is allocated.
Text that is compared becomes a 64-bit name id (`domain.naming`); text that is only passed on stays a Python string.
"""

from libc.math cimport ceil, fabs
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from cython_ext.siphash cimport siphash

from domain.naming import KEY
from openrtb.nobid import NoBidReason
from openrtb.parse import decode_strictly, parse

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object)

cdef uint64_t K0, K1
memcpy(&K0, <const char *>(<bytes>KEY), 8)
memcpy(&K1, <const char *>(<bytes>KEY) + 8, 8)

cdef int64_t MAX_CPM = 1_000_000_000_000_000
cdef int INVALID = NoBidReason.INVALID_REQUEST
cdef int NO_BANNER = NoBidReason.NO_BANNER

MIMES = {
    "image/png": 1, "image/jpeg": 2, "image/jpg": 2, "image/gif": 4, "image/webp": 8, "text/html": 16,
    "text/javascript": 32, "application/javascript": 32, "image/svg+xml": 64,
}
"""Creative content types as bits; a type that is not here matches no creative of ours."""

cdef dict MIME_BITS = MIMES
cdef uint32_t OTHER_MIME = 1 << 31

NO_IFA = "00000000-0000-0000-0000-000000000000"


cdef uint64_t folded(str text):
    """Name id of the lower-cased text."""
    cdef Py_ssize_t size, i
    cdef const char *raw
    cdef unsigned char low[256]
    cdef unsigned char c
    if not text:
        return 0
    if not PyUnicode_IS_ASCII(text):
        text = text.lower()
    raw = PyUnicode_AsUTF8AndSize(text, &size)
    if size > 256:
        text = text.lower()
        raw = PyUnicode_AsUTF8AndSize(text, &size)
        return siphash(K0, K1, <const unsigned char *>raw, size)
    for i in range(size):
        c = <unsigned char>raw[i]
        low[i] = c + 32 if 65 <= c <= 90 else c
    return siphash(K0, K1, low, size)


cdef uint64_t exact(str text):
    """Name id of the text as it is."""
    cdef Py_ssize_t size
    cdef const char *raw = PyUnicode_AsUTF8AndSize(text, &size)
    return siphash(K0, K1, <const unsigned char *>raw, size) if size else 0


cdef uint32_t currency_code(str text):
    """``"USD"`` -> its three letters in one number, upper-cased; 0 for what is no currency code."""
    cdef Py_ssize_t size
    cdef const char *raw = PyUnicode_AsUTF8AndSize(text, &size)
    if size != 3:
        return 0
    return ((raw[0] & 0xDF) << 16) | ((raw[1] & 0xDF) << 8) | (raw[2] & 0xDF)

cdef uint32_t USD = currency_code("USD")


cdef int64_t cpm_micros(double cpm) noexcept:
    """A floor in CPM -> micros, never below what was asked; -1 for a negative floor."""
    if cpm < 0:
        return -1
    cdef double micros = cpm * 1e6
    if micros > <double>MAX_CPM:
        return MAX_CPM
    cdef int64_t near = <int64_t>(micros + 0.5)
    return near if fabs(micros - <double>near) < 1e-4 else <int64_t>ceil(micros)


cdef uint64_t bits(list numbers):
    """List of small enumeration values -> bit mask."""
    cdef uint64_t mask = 0
    cdef long n
    for item in numbers:
        n = item
        if 0 <= n < 64:
            mask |= <uint64_t>1 << n
    return mask


cdef class Request:

    cpdef int read(self, bytes body, object exchange, int64_t now_ns) except -1:
        """Body of a bid request -> 0, or the no-bid reason of a request (or of all its imps) that nobody can bid on.

        ``exchange`` is the `domain.campaign.Exchange`. Raises `openrtb.parse.Malformed` for what is no bid request.
        """
        try:
            model = decode_strictly(body)
        except Exception:  # whatever is odd about it, the lenient reading mends or names it
            model = parse(body)
        self.model = model
        self.id = model.id
        self.hash = exact(self.id)
        self.now_ns = now_ns
        self.hour_of_week = <int>((now_ns // 3_600_000_000_000 + 72) % 168)  # 1970-01-01 was a Thursday
        self.record = None
        self.segments.clear()
        at = model.at
        self.auction_type = at if at is not None and at > 0 else <int>exchange.auction_type
        tmax = model.tmax
        self.tmax = tmax if tmax is not None else 0
        self.test = model.test == 1
        regs = model.regs
        self.coppa = regs is not None and regs.coppa == 1
        self.personal = True
        if model.site is not None and model.app is not None:
            return INVALID
        self._read_inventory(model)
        self._read_device(model.device)
        self._read_person(model, exchange.key)
        self._read_blocks(model)
        return self._read_imps(model.imp, exchange.seat)

    cdef int _read_imps(self, list imps, str seat) except -1:
        cdef Imp row
        cdef int32_t i, place = -1
        cdef set seen = set()
        self.imps.clear()
        self.deals.clear()
        self.sizes.clear()
        self.deal_domains.clear()
        self.imp_ids = []
        self.deal_codes = []
        for imp in imps:
            place += 1
            imp_id = imp.id
            if imp_id in seen:
                return INVALID
            seen.add(imp_id)
            self.imp_ids.append(imp_id)
            floor = imp.bidfloor
            row.floor = cpm_micros(floor) if floor is not None else 0
            if row.floor < 0:
                return INVALID
            banner = imp.banner
            if banner is None:
                continue
            row.place = place
            currency = imp.bidfloorcur
            row.currency = currency_code(currency) if currency is not None else USD
            row.secure = imp.secure == 1
            attributes = banner.battr
            row.battr = bits(attributes) if attributes is not None else 0
            types = banner.btype
            row.btype = bits(types) if types is not None else 0
            row.mimes = 0
            mimes = banner.mimes
            if mimes is not None:
                for mime in mimes:
                    row.mimes |= <uint32_t>MIME_BITS.get(mime, OTHER_MIME)
            row.sizes = <int32_t>self.sizes.size()
            formats = banner.format
            if formats is not None:
                for item in formats:
                    self._add_size(item.w, item.h)
            if <int32_t>self.sizes.size() == row.sizes:
                self._add_size(banner.w, banner.h)
            row.n_sizes = <int32_t>self.sizes.size() - row.sizes
            row.size_mask = 0
            for i in range(row.sizes, row.sizes + row.n_sizes):
                row.size_mask |= size_bit(self.sizes[i])
            row.deals = <int32_t>self.deals.size()
            pmp = imp.pmp
            row.private_auction = pmp is not None and pmp.private_auction == 1
            if pmp is not None and pmp.deals is not None:
                for deal in pmp.deals:
                    self._add_deal(deal, seat)
            row.n_deals = <int32_t>self.deals.size() - row.deals
            self.imps.push_back(row)
        return 0 if self.imps.size() else NO_BANNER

    cdef int _add_size(self, object w, object h) except -1:
        cdef long width, height
        if w is not None and h is not None:
            width, height = w, h
            if 0 < width < 65536 and 0 < height < 65536:
                self.sizes.push_back((<uint32_t>width << 16) | <uint32_t>height)
        return 0

    cdef int _add_deal(self, object deal, str seat) except -1:
        cdef Deal row
        code = deal.id
        if not code:
            return 0
        row.code = exact(code)
        floor = deal.bidfloor
        row.floor = cpm_micros(floor) if floor is not None else 0
        if row.floor < 0:
            return 0
        currency = deal.bidfloorcur
        row.currency = currency_code(currency) if currency is not None else USD
        at = deal.at
        row.auction_type = at if at is not None else 0
        wseat = deal.wseat
        row.open_to_us = not wseat or seat in wseat
        row.domains = <int32_t>self.deal_domains.size()
        wadomain = deal.wadomain
        if wadomain is not None:
            for domain in wadomain:
                self.deal_domains.push_back(folded(domain))
        row.n_domains = <int32_t>self.deal_domains.size() - row.domains
        self.deals.push_back(row)
        self.deal_codes.append(code)
        return 0

    cdef int _read_inventory(self, object model) except -1:
        cdef str name = None
        self.categories.clear()
        self.sites.clear()
        self.site = 0
        site = model.site
        self.is_app = site is None and model.app is not None
        place = model.app if self.is_app else site
        if place is not None:
            if self.is_app:
                name = place.bundle or place.domain or place.id
            else:
                name = place.domain or host_of(place.page) or place.id
            self._add_categories(place.cat)
            self._add_categories(place.sectioncat)
            self._add_categories(place.pagecat)
            content = place.content
            if content is not None:
                self._add_categories(content.cat)
        self.site_name = name.lower() if name else ""
        if name:
            self.site = folded(name)
            self.sites.push_back(self.site)
            if not self.is_app:
                self._add_parents(self.site_name)
        return 0

    cdef int _add_parents(self, str domain) except -1:
        """``news.example.com`` belongs to ``example.com`` too (but not to ``com``)."""
        cdef Py_ssize_t dot = domain.find(".")
        cdef Py_ssize_t last = domain.rfind(".")
        cdef Py_ssize_t size
        cdef const char *raw = PyUnicode_AsUTF8AndSize(domain, &size)
        if not PyUnicode_IS_ASCII(domain):
            return 0
        while 0 <= dot < last:
            self.sites.push_back(siphash(K0, K1, <const unsigned char *>raw + dot + 1, size - dot - 1))
            dot = domain.find(".", dot + 1)
        return 0

    cdef int _add_categories(self, list categories) except -1:
        if categories is not None:
            for category in categories:
                self.categories.push_back(folded(category))
                dash = (<str>category).find("-")
                if dash > 0:
                    self.categories.push_back(folded((<str>category)[:dash]))
        return 0

    cdef int _read_device(self, object device) except -1:
        self.language = self.os = self.browser = self.country = self.region = self.city = 0
        self.device_type = 0
        self.country_code = ""
        if device is not None:
            language = device.language
            if language is not None:
                self.language = folded((<str>language)[:2])
            kind = device.devicetype
            if kind is not None:
                self.device_type = kind if 0 < kind < 256 else 0
        return 0

    cdef int _read_person(self, object model, str exchange) except -1:
        """The key by which we know this person: the advertising id, else our own id at the exchange, else the exchange's.

        As `domain.naming.person_key` makes it.
        """
        self.person = 0
        if model.dooh is not None:
            return 0  # a screen in a public place is nobody's device
        device = model.device
        if device is not None:
            ifa = device.ifa
            if ifa and ifa != NO_IFA:
                self.person = exact("ifa:" + (<str>ifa).lower())
                return 0
        user = model.user
        if user is not None:
            if user.buyeruid:
                self.person = exact("buyeruid:" + exchange + ":" + <str>user.buyeruid)
            elif user.id:
                self.person = exact("user:" + exchange + ":" + <str>user.id)
        return 0

    cdef int _read_blocks(self, object model) except -1:
        self.bcat.clear()
        self.acat.clear()
        self.badv.clear()
        if model.bcat is not None:
            for item in model.bcat:
                self.bcat.push_back(folded(item))
        if model.acat is not None:
            for item in model.acat:
                self.acat.push_back(folded(item))
        if model.badv is not None:
            for item in model.badv:
                self.badv.push_back(folded(item))
        taxonomy = model.cattax
        self.foreign_categories = taxonomy is not None and taxonomy != 1 and (self.bcat.size() or self.acat.size())
        return 0

    # What the enrichment modules add.

    def forget_person(self):
        """From here on nobody knows who this is: no id in events or tokens, no profile, no cap, no city."""
        self.personal = False
        self.person = 0
        self.city = 0

    def set_device(self, uint64_t os, uint64_t browser, int device_type):
        self.os = os
        self.browser = browser
        self.device_type = device_type

    def set_geo(self, str country_code, uint64_t country, uint64_t region, uint64_t city):
        self.country_code = country_code
        self.country = country
        self.region = region
        self.city = city

    @property
    def imp_count(self):
        """Imps that a banner can be bid on."""
        return self.imps.size()

    def size_list(self):
        """Offered banner sizes, for people."""
        return [f"{s >> 16}x{s & 0xFFFF}" for s in self.sizes]


cdef str host_of(str page):
    """Host of a URL, without its port; None if there is none."""
    if not page or "//" not in page:
        return None
    host = page.split("//", 1)[1].split("/", 1)[0].split("?", 1)[0].rpartition("@")[2].split(":", 1)[0]
    return host or None
