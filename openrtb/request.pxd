from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset
from libcpp.vector cimport vector
from cython_ext.json_cursor cimport Text

cdef struct LengthFloor:   # what an ad of some length must bid at least (durfloors)
    int32_t min_s, max_s
    int64_t floor          # CPM micros

cdef struct Deal:
    uint64_t code          # name id of the exchange's deal id
    int64_t floor          # CPM micros of ``currency``
    bint has_floor         # bidfloor is there, be it 0
    int64_t floor_per_s    # mincpmpersec; 0: nothing said
    int32_t floors, n_floors  # slice of Request.deal_floors
    uint32_t currency
    int32_t auction_type   # 0 where absent
    int32_t domains, n_domains  # slice of Request.deal_domains (wadomain); none: any advertiser
    bint open_to_us        # wseat is absent or names our seat
    bint guaranteed        # guar: what was agreed upon must be bid

cdef enum Format:          # places in domain.creative.FORMATS
    BANNER
    VIDEO
    AUDIO
    NATIVE

cdef enum:
    ENDLESS = 0x7FFFFFFF   # no upper bound of a length, in seconds

cdef int64_t UNREADABLE_FLOOR  # more than anybody bids

cdef struct Flex:          # a size by ratio
    uint32_t size          # width << 16 | height of the ratio
    int32_t min_width      # 0: any

cdef struct Player:        # what video and audio are played by
    int32_t min_s, max_s   # length of an ad; 0: no limit
    int32_t lengths, n_lengths  # slice of Request.lengths (rqddurs); with any, an ad has one of them exactly
    uint64_t protocols     # bit n: VAST protocol n (AdCOM list "Creative Subtypes - Audio/Video") is read
    uint64_t deliveries    # bit n; 0: any
    int32_t min_kbps, max_kbps  # 0: no limit
    int32_t linearity      # 0: any
    int32_t skip           # may the ad be skippable? -1: nothing said
    int32_t width, height  # 0: unknown
    bint boxed             # may other shapes be letter-boxed?
    int64_t floor_per_s    # CPM micros of the imp's currency for each second of the ad (mincpmpersec)
    int32_t floors, n_floors  # slice of Request.length_floors, in the imp's currency
    int32_t pod_s          # length of a pod, or its part, that is filled as the bidder likes; 0: no such pod
    int32_t pod_ads        # most ads in it (maxseq); 0: not said
    int32_t slot           # what the seller can promise (slotinpod): 1 first, -1 last, 2 either, 0 nothing
    int32_t asides, n_asides  # slice of Request.asides: places for companions
    uint64_t aside_types   # bit n: companion type n is taken; 0: any
    bint no_aside          # companions are spoken of, and there is no place for any

cdef struct Aside:         # a size in which a companion is taken (companionad)
    uint32_t size          # width << 16 | height; of a flexible one their ratio
    int32_t min_width      # of a flexible one; -1: the size is as it is
    uint32_t mimes         # bits of MIMES; 0: any

cdef struct Imp:           # one format of an imp: who offers banner and video has two rows
    int32_t place          # position in the request
    int32_t format
    int32_t sizes, n_sizes # slice of Request.sizes, of banners
    int32_t flexes, n_flexes  # slice of Request.flexes
    uint64_t size_mask     # size_bit of each; of other formats format_bit; all ones where sizes are flexible
    int32_t detail         # place in Request.players, or of a native request in Request.natives
    int32_t deals, n_deals # slice of Request.deals
    int64_t floor          # CPM micros of ``currency``
    uint32_t currency
    uint64_t battr, btype  # bit n: attribute or type n is refused
    uint64_t apis          # bit n: API framework n is supported
    uint64_t expansions    # bit n: banners may expand in direction n
    uint32_t mimes         # bits of MIMES that are taken; 0: any
    bint secure
    bint interstitial
    bint private_auction
    int32_t exp            # seconds from auction to billing that are advised; 0: not said
    uint64_t pod           # which break of the stream it belongs to; 0: none that is known of
    bint dynamic           # it takes several ads, each a bid of its own, as many as the pod has room for
    uint64_t dedupe        # bit n: pods are rid of duplicates by setting n of AdCOM's list
    int64_t multiplier     # impressions of a play on a screen in a public place, in millionths; 0: one

cdef struct ChainNode:   # of a supply chain, in its order
    uint64_t asi           # name id of the advertising system's domain
    uint64_t sid           # exact name id of the seller's account there

cdef enum Chain:         # what the supply chain says of itself; whether it ends at the exchange is not looked at here
    UNTOLD               # there is none
    BROKEN               # it is incomplete, or cannot be read as version 1
    WHOLE

cdef enum Signal:        # of privacy: bits, each raised if the request has it
    COPPA = 1
    LMT = 2
    DNT = 4
    GDPR = 8
    GPC = 16
    US_PRIVACY = 32      # there is a US privacy string
    GPP = 64             # there is a GPP string, or gpp_sid says that a section applies

cdef enum IdKind:        # of the ids that a request names its person by
    IFA
    BUYERUID
    EID
    USER_ID

cdef enum Trust:         # of an eid: in this order they are asked for
    OF_PERSON            # the same on all devices (atype 3)
    OF_ANYTHING
    GUESSED              # matched by inference (mm 5)

cdef struct Id:
    IdKind kind
    uint64_t key         # as domain.naming.person_key makes it; of an eid 0 until somebody asks `openrtb.person_ids.id_key`
    Text source, value   # of an eid, as sent
    Trust trust

cdef class Request:
    """One bid request, as the stages read it: numbers, 64-bit name ids, and slices of shared vectors."""
    cdef readonly object model   # openrtb.model.BidRequest, if the request was read through it, else None
    cdef readonly str id
    cdef readonly list imp_ids
    cdef readonly list deal_codes
    cdef vector[Imp] imps
    cdef vector[Deal] deals
    cdef vector[uint32_t] sizes
    cdef vector[Flex] flexes
    cdef vector[Player] players
    cdef vector[int32_t] lengths
    cdef vector[LengthFloor] length_floors, deal_floors
    cdef vector[Aside] asides
    cdef readonly list natives   # (text of the native request, its version as the imp tells it or "")
    cdef vector[uint64_t] deal_domains, bcat, acat, badv, bapp, categories, sites, segments
    cdef vector[uint64_t] tongues  # that creatives may be in (wlang, wlangb); none: any
    cdef readonly int taxonomy     # of bcat and acat (cattax)
    cdef vector[ChainNode] chain
    # who and where; name ids, 0 unknown
    cdef readonly uint64_t person, site, country, region, city, os, browser, language
    cdef readonly str site_name, country_code
    cdef readonly int device_type, auction_type, tmax, hour_of_week
    cdef vector[Id] eids           # as they come
    cdef vector[Id] ids            # all ids of the person, those trusted most first
    cdef readonly int met          # place of the id that a record was found by; -1: by none
    cdef readonly bint joined      # the person has several keys
    cdef readonly uint64_t former  # key of that id, where it is not the person's; else 0
    cdef public uint64_t device    # key of the first id that is the device's own: all but eids; 0: there is none
    cdef public uint64_t household # key of its counters, once a frequency cap asked for it; else 0
    cdef readonly bint is_app, is_dooh, test, all_imps, has_pods
    cdef readonly int chain_state           # Chain
    cdef readonly uint64_t publisher        # exact name id of site.publisher.id or app.publisher.id
    cdef readonly uint64_t app_domain       # name id of app.domain, else app.publisher.domain
    cdef readonly uint64_t partner          # name id of site.inventorypartnerdomain or app.inventorypartnerdomain
    cdef readonly int signals    # of privacy, which openrtb.privacy judges; 0: none is raised
    cdef Text consent, us_privacy, gpp  # as sent; size 0 where absent. The texts lie in what ``lent`` keeps alive
    cdef uint64_t gpp_sections   # bit n: gpp_sid has n; bit 0: one above 63
    cdef bint gpp_sections_told  # gpp_sid says which sections apply; else all that the string has do
    cdef object lent
    cdef readonly bint seat_allowed, currency_allowed
    # texts of the device, for the enrichment modules; None where absent
    cdef readonly str user_agent, os_text, address
    cdef readonly tuple place    # country, region, city
    cdef public bint personal    # may this person's id and profile be used?
    cdef public bytes record     # the person's profile record, or None
    cdef readonly int64_t now_ns
    cdef readonly uint64_t hash  # of the id: rotation and sampling

    cdef int begin(self, object exchange, int64_t now_ns) except -1
    cdef void add_imp(self, Imp *row) noexcept nogil
    cdef void add_size(self, int64_t width, int64_t height) noexcept nogil
    cdef void add_asides(self, Imp *banner) noexcept nogil
    cdef void close_pod(self, Imp *row, Player *player, uint64_t pod) noexcept nogil
    cdef void add_flex(self, int64_t width, int64_t height, int64_t min_width) noexcept nogil
    cdef void add_node(self, uint64_t asi, uint64_t sid, bint paid) noexcept nogil
    cdef void end_chain(self, bint complete, const char *version, Py_ssize_t size) noexcept nogil
    cdef void add_parents(self, const char *domain, Py_ssize_t size) noexcept nogil
    cdef void apply_section(self, int64_t section) noexcept nogil
    cdef void close_signals(self, int64_t coppa, int64_t gdpr, int64_t gpc) noexcept nogil

cdef inline uint64_t size_bit(uint32_t size) noexcept nogil:
    """One of 64 bits for a size (Fibonacci hashing): sizes without a common bit have nothing in common."""
    return <uint64_t>1 << ((size * <uint32_t>0x9E3779B1) >> 26)

cdef inline uint64_t format_bit(int format) noexcept nogil:
    """Stands where `size_bit` stands for formats that have no sizes to agree on."""
    return size_bit(<uint32_t>format)  # no banner is that small

cdef inline void clear_imp(Imp *row) noexcept nogil:
    memset(row, 0, sizeof(Imp))
    row.detail = -1

cdef inline void clear_player(Player *player) noexcept nogil:
    memset(player, 0, sizeof(Player))
    player.skip = -1
    player.boxed = True

cdef inline int32_t seconds(int64_t said) noexcept nogil:
    """``imp.exp``; 0 for what is no time."""
    return <int32_t>said if 0 < said < <int64_t>0x80000000 else 0

cdef inline int64_t bounded_multiplier(int64_t millionths) noexcept nogil:
    """At most a million impressions a play; 0 for what is no number of them."""
    cdef int64_t most = <int64_t>1_000_000_000_000
    if millionths <= 0:
        return 0
    return millionths if millionths < most else most

cdef inline uint32_t currency_of(const char *text, Py_ssize_t size) noexcept nogil:
    """``USD`` -> its three letters in one number, upper-cased; 0 for what is no currency code."""
    if size != 3:
        return 0
    return (<uint32_t>(text[0] & 0xDF) << 16) | (<uint32_t>(text[1] & 0xDF) << 8) | <uint32_t>(text[2] & 0xDF)

cdef uint32_t currency_code(str text)
cdef uint64_t exact(str text)
cdef uint64_t exact_bytes(const char *text, Py_ssize_t size) noexcept nogil
cdef uint64_t folded(str text)
cdef uint64_t folded_bytes(const char *text, Py_ssize_t size) noexcept nogil
cdef int64_t cpm_micros(double cpm) noexcept nogil
cdef uint32_t mime_bit(str mime)
cdef str host_of(str page)
