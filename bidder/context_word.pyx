"""Country, device, operating system and place of a request in one word (`domain.context_word`), for token and log."""

from libc.stdint cimport uint32_t, uint64_t
from cpython.unicode cimport PyUnicode_AsUTF8AndSize

from openrtb.request cimport Request

from domain import context_word as layout
from domain.context_word import Place, System
from domain.naming import name_id

cdef enum:
    SYSTEMS = 7  # that have a name; any other name is OTHER

cdef int DEVICE_AT = layout.DEVICE_AT
cdef int OS_AT = layout.OS_AT
cdef int PLACE_AT = layout.PLACE_AT
cdef uint32_t SITE = Place.SITE
cdef uint32_t APP = Place.APP
cdef uint32_t DOOH = Place.DOOH
cdef uint32_t OTHER = System.OTHER
cdef uint64_t[SYSTEMS] ids  # of systems 1 to 7

for system in System:
    if 0 < system <= SYSTEMS:
        ids[system - 1] = name_id(system.name.lower())


cdef inline uint32_t country_number(const char *code, Py_ssize_t size) noexcept nogil:
    cdef uint32_t number = 0, letter
    cdef int i
    if size != 3:
        return 0
    for i in range(3):
        letter = (<unsigned char>code[i] | 0x20) - 0x60  # either case; A is 1
        if letter - 1 > 25:
            return 0
        number = number * 27 + letter
    return number


cdef inline uint32_t system_number(uint64_t os) noexcept nogil:
    cdef uint32_t i
    if os == 0:
        return 0
    for i in range(SYSTEMS):
        if ids[i] == os:
            return i + 1
    return OTHER


cdef uint32_t context_word(Request r) except? 0xFFFFFFFF:
    cdef Py_ssize_t size = 0
    cdef const char *code = NULL
    cdef uint32_t word = 0
    if len(r.country_code) == 3 and r.country_code.isascii():  # half a surrogate pair has no UTF-8
        code = PyUnicode_AsUTF8AndSize(r.country_code, &size)
        word = country_number(code, size)
    if 0 < r.device_type < 16:
        word |= <uint32_t>r.device_type << DEVICE_AT
    word |= system_number(r.os) << OS_AT
    word |= (DOOH if r.is_dooh else APP if r.is_app else SITE if r.site else 0) << PLACE_AT
    return word


def word_of(Request r not None) -> int:
    """For tests and `explain`."""
    return context_word(r)
