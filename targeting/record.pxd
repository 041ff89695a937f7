from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from libcpp.vector cimport vector

# What the packed record of one person says, read as it lies. All functions take any bytes: none reads beyond their end,
# and of bytes that are no record nothing is known, but every cap is reached.

cdef enum:
    VERSION = 2
    OPTED_OUT = 0             # no audience has this id: who is in it is not to be recognised
    JOINED = 0x80             # bit of the version byte: the record is the merge of the parts of a person known by several keys
    ALIAS = 3                 # first byte of what lies under their other keys: it is no record, but names the person's key
    ALIAS_SIZE = 9
    HEADER = 12
    RELATION = 21             # bytes of an entry of each part
    SCORE = 12
    CONVERSION = 10
    SEGMENT = 8
    SCOPE = 8
    TIME = 4
    HOUR = 4

cdef struct Parts:            # where the parts of a record lie, and how many entries each has
    const uint8_t *relations
    const uint8_t *scores
    const uint8_t *conversions
    const uint8_t *segments
    const uint8_t *scopes
    const uint8_t *times
    const uint8_t *hours
    int32_t n_relations, n_scores, n_conversions, n_segments, n_scopes, n_times, n_hours

cdef struct Relation:         # of the person to one advertiser; times are unix seconds, 0: never
    uint32_t advertiser
    uint32_t stage            # domain.person.Stage, 0: not known
    uint32_t since            # when the stage was reached
    uint32_t visited, shown, clicked  # last visit of the advertiser's pages, impression, click

cdef struct Score:
    int32_t value
    uint32_t at               # when it was computed

cdef struct Converted:
    uint32_t at               # the last time
    uint32_t count            # at most 65,535

# Frequency scopes: what impressions are counted by. Ids below 2^29.
cdef inline uint32_t scope_campaign(uint32_t campaign) noexcept nogil:
    return (<uint32_t>1 << 29) | campaign

cdef inline uint32_t scope_line_item(uint32_t line_item) noexcept nogil:
    return (<uint32_t>2 << 29) | line_item

cdef inline uint32_t scope_advertiser(uint32_t advertiser) noexcept nogil:
    return (<uint32_t>3 << 29) | advertiser

cdef inline uint32_t scope_creative(uint32_t creative) noexcept nogil:
    return (<uint32_t>4 << 29) | creative

cdef inline uint32_t scope_audience(uint32_t audience) noexcept nogil:
    return (<uint32_t>5 << 29) | audience

cdef inline uint16_t u16(const uint8_t *at) noexcept nogil:
    cdef uint16_t value
    memcpy(&value, at, 2)
    return value

cdef inline uint32_t u32(const uint8_t *at) noexcept nogil:
    cdef uint32_t value
    memcpy(&value, at, 4)
    return value

# Key of the person that an alias names; 0: the bytes are none.
cdef inline uint64_t alias_of(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    cdef uint64_t person = 0
    if size == ALIAS_SIZE and data[0] == ALIAS:
        memcpy(&person, data + 1, 8)
    return person

cdef inline bint is_joined(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    return size > 0 and data[0] == VERSION | JOINED

# Finds the parts. False if the bytes are no whole record of this version; then ``parts`` says nothing.
cdef bint look(const uint8_t *data, Py_ssize_t size, Parts *parts) noexcept nogil

# Whether the person opted out: a membership of OPTED_OUT, which comes first of all. Where a store did not say in time
# (version 0, `targeting.redis_lookup.UNKNOWN`): yes, since nobody knows. Another unreadable record: no.
cdef bint opted_out(const uint8_t *data, Py_ssize_t size) noexcept nogil

# Appends the ids of the segments live at ``now_s`` (unix seconds); says how many.
cdef int segments(const uint8_t *data, Py_ssize_t size, int64_t now_s, vector[uint64_t] &out) noexcept nogil

# The same two of a record whose parts were found before.
cdef int segments_in(Parts *parts, int64_t now_s, vector[uint64_t] &out) noexcept nogil
cdef bint opted_out_in(Parts *parts) noexcept nogil

# Appends ``advertiser << 8 | stage`` for each advertiser that the person has a stage with; says how many.
cdef int stages(const uint8_t *data, Py_ssize_t size, vector[uint64_t] &out) noexcept nogil

# Each says whether there is one, and fills ``found``.
cdef bint relation(const uint8_t *data, Py_ssize_t size, uint32_t advertiser, Relation *found) noexcept nogil
cdef bint score(const uint8_t *data, Py_ssize_t size, uint32_t id, Score *found) noexcept nogil
cdef bint converted(const uint8_t *data, Py_ssize_t size, uint32_t kind, Converted *found) noexcept nogil

# Whether one more impression at ``now_s`` would exceed ``impressions`` in the last ``seconds``. No record (size 0): no;
# an unreadable record: yes, since a cap must never be exceeded. Exact for caps up to EXACT_IMPRESSIONS; beyond, an
# impression may count up to an hour longer than ``seconds``.
cdef bint capped(
    const uint8_t *data, Py_ssize_t size, uint32_t scope, int64_t impressions, int64_t seconds, int64_t now_s
) noexcept nogil

# The same of a record whose parts were found before.
cdef bint capped_in(Parts *parts, uint32_t scope, int64_t impressions, int64_t seconds, int64_t now_s) noexcept nogil

# Unix second of a scope's newest impression; 0: none (in 30 days). An unreadable record: 0xFFFFFFFF, the end of time.
cdef uint32_t last_shown(const uint8_t *data, Py_ssize_t size, uint32_t scope) noexcept nogil
