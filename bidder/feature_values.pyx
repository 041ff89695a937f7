"""The values of `prediction.features`: what the models are given of an impression, worked out as the bid is decided.

Nothing of a person is told where their id must not be used; of somebody without a record it is known that there is
nothing. What targeting leaves alone for that reason (postcode, age, gender) is left alone here.
"""

from libc.math cimport exp2
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libcpp.vector cimport vector

from bidder.candidates cimport Candidate
from bidder.select cimport age_of
from bidder.seller cimport Seller
from bidder.view cimport Line, View
from cython_ext.feature_hash cimport category_of_id
from openrtb.context cimport OF_DEVICE, OF_IMPS, OF_USER, Context, ImpContext
from openrtb.request cimport BANNER, VIDEO, Imp, Player, Request
from targeting.record cimport (
    RELATION, SEGMENT, SCOPE, TIME, Parts, Relation, look, relation, scope_advertiser, scope_campaign, u16, u32,
)

from prediction.feature_set import MISSING_NUMBER
from prediction.features import BID, HALF_LIFE_S, WINDOW_S

cdef enum:                # places in BID.features
    EXCHANGE, INVENTORY, SITE, PUBLISHER, PLACEMENT, FORMAT, SLOT, POSITION, INTERSTITIAL, CATEGORY, COUNTRY, REGION, CITY
    DEVICE_TYPE, MODEL, OS, BROWSER, LANGUAGE, CONNECTION, HOUR_OF_WEEK, HOUR_OF_DAY, KNOWN, SEGMENTS, KNOWN_DAYS, AGE
    GENDER, POSTCODE, SHARED

cdef enum:                # and behind those
    ADVERTISER, CAMPAIGN, LINE_ITEM, CREATIVE, SIZE, DEAL, STAGE, SINCE_VISIT, SINCE_SHOWN, SINCE_CLICK
    SEEN_ADVERTISER, SEEN_CAMPAIGN, OWN

assert [feature.name for feature in BID.features] == [
    "exchange", "inventory", "site", "publisher", "placement", "format", "slot", "position", "interstitial", "category",
    "country", "region", "city", "device_type", "model", "os", "browser", "language", "connection", "hour_of_week",
    "hour_of_day", "known", "segments", "known_days", "age", "gender", "postcode",
    "advertiser", "campaign", "line_item", "creative", "size", "deal", "stage", "since_visit", "since_shown",
    "since_click", "seen_advertiser", "seen_campaign",
], "the functions below write the features in this order"
assert (BID.n_shared, BID.n_own) == (SHARED, OWN)

N_SHARED, N_OWN = SHARED, OWN
CONTEXT_PARTS = OF_DEVICE | OF_USER | OF_IMPS

cdef uint32_t NO_NUMBER = MISSING_NUMBER
cdef int64_t NS_A_MINUTE = 60_000_000_000
cdef uint32_t WINDOW = WINDOW_S
cdef double HALF_LIFE = HALF_LIFE_S
cdef uint64_t SPREAD = 0x9E3779B97F4A7C15
cdef vector[int] PROTECTED = [place for place, feature in enumerate(BID.features) if feature.protected]
cdef vector[uint32_t] BLANK = [NO_NUMBER if BID.features[place].kind == "number" else 0 for place in PROTECTED]


cdef inline uint32_t category(uint64_t id) noexcept nogil:
    return category_of_id(id) if id else 0


cdef inline uint32_t number(double value) noexcept nogil:
    cdef float single = <float>value
    cdef uint32_t bits
    memcpy(&bits, &single, 4)
    return bits


cdef inline uint32_t days_since(uint32_t at, uint32_t now_s) noexcept nogil:
    """Days from a unix second to now; missing for 0, never; 0 for what is yet to come."""
    if at == 0:
        return NO_NUMBER
    return number((now_s - at) / 86_400.0 if at < now_s else 0.0)


cdef void meet_person(Request r, Person *person) noexcept:
    cdef bytes record = r.record
    person.known, person.size = NOBODY, 0
    person.data = NULL
    person.now_s = <uint32_t>(r.now_ns // 1_000_000_000)
    if not r.personal or r.person == 0:
        return
    person.known = NEW
    if record is None:
        return
    person.data, person.size = <const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record)
    if look(person.data, person.size, &person.parts):
        person.known = MET


cdef uint32_t live_segments(Person *person) noexcept nogil:
    cdef int32_t i
    cdef uint32_t live = 0
    for i in range(person.parts.n_segments):
        live += u32(person.parts.segments + SEGMENT * i + 4) > person.now_s
    return live


cdef uint32_t first_known(Person *person) noexcept nogil:
    """Unix second of the oldest thing that the record says of the person and an advertiser; 0: nothing."""
    cdef uint32_t first = 0, at
    cdef const uint8_t *entry
    cdef int32_t i
    cdef int k
    for i in range(person.parts.n_relations):
        entry = person.parts.relations + RELATION * i
        for k in range(4):  # since, visited, shown, clicked
            at = u32(entry + 5 + 4 * k)
            if at and (first == 0 or at < first):
                first = at
    return first


cdef uint32_t seen(Person *person, uint32_t scope) noexcept nogil:
    """The decayed counter of a frequency scope, of its impressions whose exact times are kept."""
    cdef const uint8_t *entry
    cdef int32_t low = 0, high = person.parts.n_scopes, middle, begin, end
    cdef uint32_t at, age
    cdef double sum = 0.0
    while low < high:
        middle = (low + high) >> 1
        if u32(person.parts.scopes + SCOPE * middle) < scope:
            low = middle + 1
        else:
            high = middle
    entry = person.parts.scopes + SCOPE * low
    if low == person.parts.n_scopes or u32(entry) != scope:
        return number(0.0)
    begin, end = u16(entry - 4) if low else 0, u16(entry + 4)
    if end > person.parts.n_times:  # it contradicts the header
        return NO_NUMBER
    while end > begin:  # the newest first
        end -= 1
        at = u32(person.parts.times + TIME * end)
        age = person.now_s - at if at < person.now_s else 0
        if age >= WINDOW:
            break
        sum += exp2(-(<double>age) / HALF_LIFE)
    return number(sum)


cdef void request_values(Context x, Request r, Seller seller, Person *person, uint32_t *out) noexcept:
    cdef uint64_t least = 0
    cdef size_t i
    cdef int age
    for i in range(r.categories.size()):
        if least == 0 or r.categories[i] < least:
            least = r.categories[i]
    out[EXCHANGE] = category(<uint64_t>seller.id)
    out[INVENTORY] = category(3 if r.is_dooh else 2 if r.is_app else 1)
    out[SITE] = category(r.site)
    out[PUBLISHER] = category(r.publisher)
    out[CATEGORY] = category(least)
    out[COUNTRY] = category(r.country)
    out[REGION] = category(r.region)
    out[CITY] = category(r.city)
    out[DEVICE_TYPE] = category(<uint64_t>r.device_type)
    out[MODEL] = category(x.model)
    out[OS] = category(r.os)
    out[BROWSER] = category(r.browser)
    out[LANGUAGE] = category(r.language)
    out[CONNECTION] = category(<uint64_t>x.connection)
    out[HOUR_OF_WEEK] = category(1 + <uint64_t>r.hour_of_week)
    out[HOUR_OF_DAY] = category(
        1 + <uint64_t>((r.now_ns // NS_A_MINUTE + x.utc_offset) // 60 % 24) if x.clocked else 0
    )
    out[KNOWN] = category(person.known)
    out[SEGMENTS] = number(live_segments(person)) if person.known == MET else NO_NUMBER
    out[KNOWN_DAYS] = days_since(first_known(person), person.now_s) if person.known == MET else NO_NUMBER
    age = age_of(r, x.year_of_birth) if r.personal else 0
    out[AGE] = number(age) if age else NO_NUMBER
    out[GENDER] = category(x.gender) if r.personal else 0
    out[POSTCODE] = category(x.postcode) if r.personal else 0


cdef void imp_values(Context x, Request r, Imp *imp, uint32_t *out) noexcept nogil:
    cdef ImpContext *told = NULL
    cdef Player *player
    cdef uint32_t slot = 0
    cdef int32_t position = 0
    if <size_t>imp.place < x.imps.size():
        told = &x.imps[imp.place]
        position = told.banner_position if imp.format == BANNER else told.video_position if imp.format == VIDEO else 0
    if imp.n_sizes:
        slot = r.sizes[imp.sizes]
    elif imp.format == VIDEO:
        player = &r.players[imp.detail]
        if 0 < player.width < 0x10000 and 0 < player.height < 0x10000:
            slot = <uint32_t>player.width << 16 | <uint32_t>player.height
    out[PLACEMENT] = category(told.tag ^ r.site * SPREAD) if told is not NULL and told.tag else 0
    out[FORMAT] = category(<uint64_t>imp.format + 1)
    out[SLOT] = category(slot)
    out[POSITION] = category(<uint64_t>position) if position > 0 else 0
    out[INTERSTITIAL] = category(2 if imp.interstitial else 1)


cdef void own_values(View view, Person *person, const Candidate *row, uint32_t *out) noexcept nogil:
    cdef Line *line = &view.lines[row.line]
    cdef Relation of
    out[ADVERTISER] = category(line.advertiser)
    out[CAMPAIGN] = category(line.campaign)
    out[LINE_ITEM] = category(line.id)
    out[CREATIVE] = category(view.ads[row.ad].id)
    out[SIZE] = category(view.ads[row.ad].size)
    out[DEAL] = category(row.deal_id)
    out[STAGE] = 0
    out[SINCE_VISIT] = out[SINCE_SHOWN] = out[SINCE_CLICK] = NO_NUMBER
    if person.known == MET:
        if relation(person.data, person.size, line.advertiser, &of):
            out[STAGE] = category(of.stage)
            out[SINCE_VISIT] = days_since(of.visited, person.now_s)
            out[SINCE_SHOWN] = days_since(of.shown, person.now_s)
            out[SINCE_CLICK] = days_since(of.clicked, person.now_s)
        out[SEEN_ADVERTISER] = seen(person, scope_advertiser(line.advertiser))
        out[SEEN_CAMPAIGN] = seen(person, scope_campaign(line.campaign))
    else:
        out[SEEN_ADVERTISER] = out[SEEN_CAMPAIGN] = number(0.0) if person.known == NEW else NO_NUMBER


cdef void blank_protected(uint32_t *shared) noexcept nogil:
    cdef size_t i
    for i in range(PROTECTED.size()):
        shared[PROTECTED[i]] = BLANK[i]
