"""How records lie in a segment: ``length u32 | CRC32C u32 | payload``, little-endian, one after the other.

`Pending` frames records in memory while a thread writes them out; `split` takes the frames of a piece of a segment
apart again. Both hold the GIL throughout, so one call is atomic to all other threads without a lock.
"""

from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy
from libcpp.utility cimport move

cdef extern from * nogil:
    """
    #include <cstdint>
    #include <cstring>

    /* CRC32C (Castagnoli, reflected polynomial 0x82F63B78; RFC 3720 appendix B.4): the processor's instruction where
       there is one, else a table by bytes. */
    struct CrcTable {
        uint32_t of[256];
        CrcTable() {
            for (uint32_t i = 0; i < 256; i++) {
                uint32_t c = i;
                for (int bit = 0; bit < 8; bit++) c = (c >> 1) ^ (c & 1 ? 0x82F63B78u : 0u);
                of[i] = c;
            }
        }
    };

    static uint32_t crc_by_table(const uint8_t *p, size_t n) {
        static const CrcTable table;
        uint32_t c = ~0u;
        while (n--) c = (c >> 8) ^ table.of[(c ^ *p++) & 0xff];
        return ~c;
    }

    #if defined(__x86_64__)
    __attribute__((target("sse4.2")))
    static uint32_t crc_by_instruction(const uint8_t *p, size_t n) {
        uint64_t c = 0xffffffffu, word;
        for (; n >= 8; n -= 8, p += 8) { memcpy(&word, p, 8); c = __builtin_ia32_crc32di(c, word); }
        uint32_t r = (uint32_t)c;
        while (n--) r = __builtin_ia32_crc32qi(r, *p++);
        return ~r;
    }
    static bool crc_has_instruction() { static const bool has = __builtin_cpu_supports("sse4.2"); return has; }
    #else
    static uint32_t crc_by_instruction(const uint8_t *p, size_t n) { return crc_by_table(p, n); }
    static bool crc_has_instruction() { return false; }
    #endif

    static inline uint32_t crc_of(const uint8_t *p, size_t n) {
        return crc_has_instruction() ? crc_by_instruction(p, n) : crc_by_table(p, n);
    }
    """
    uint32_t crc_of(const uint8_t *data, size_t size)
    uint32_t crc_by_table(const uint8_t *data, size_t size)

cdef enum:
    LARGEST = 1 << 20
    SEGMENT_SHIFT = 40
    CHUNK_BYTES = 1 << 20   # about where a piece ends and the next begins: a write of it costs little, and so does growing
    CHUNK_ROOM = 1 << 12    # for the record that reaches over

MAX_RECORD = LARGEST
OFFSET_BITS = SEGMENT_SHIFT


class LogFull(OSError):
    """The log cannot take or keep a record now (disk full, or the writer far behind): refuse the event, it may come again."""


def checksum(bytes data, *, bint by_table=False) -> int:
    """CRC32C of ``data``; ``by_table`` forces the portable implementation."""
    cdef const uint8_t *start = <const uint8_t *> PyBytes_AS_STRING(data)
    cdef size_t size = PyBytes_GET_SIZE(data)
    return crc_by_table(start, size) if by_table else crc_of(start, size)


cdef class Framed:
    """Bytes of a segment, as they are to be written: a buffer of its own, that nothing changes any more."""

    def __len__(self):
        return self.data.size()

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, <void *> self.data.data(), self.data.size(), 1, flags)

    def __releasebuffer__(self, Py_buffer *view):
        pass


cdef class Pending:
    """Framed records that are not written yet, cut where one segment ends and the next begins.

    ``sheds`` says what happens to a record that cannot be taken (``shut``, or more than ``limit`` bytes waiting): it is
    dropped and counted in ``shed``, or `LogFull` is raised.
    """

    def __init__(self, int64_t position, int64_t segment_bytes, size_t limit, bint sheds):
        self.position, self.segment_bytes, self.limit, self.sheds = position, segment_bytes, limit, sheds
        self.waiting, self.shed, self.shut = 0, 0, False

    cpdef int64_t append(self, bytes record) except -1:
        """Frames one record; returns the position after it. Raises ValueError for an empty one or one above MAX_RECORD."""
        cdef uint32_t[2] header
        cdef size_t size = PyBytes_GET_SIZE(record)
        cdef const char *payload = PyBytes_AS_STRING(record)
        cdef Chunk fresh
        cdef Chunk *last = NULL
        if size == 0 or size > LARGEST:
            raise ValueError(f"a log record has 1 to {LARGEST} bytes, not {size}")
        if self.shut or self.waiting > self.limit:
            if not self.sheds:
                raise LogFull("the event log cannot take a record: " + ("disk" if self.shut else "writer too slow"))
            self.shed += 1
            return self.position
        if (self.position & ((<int64_t> 1 << SEGMENT_SHIFT) - 1)) >= self.segment_bytes:
            self.position = ((self.position >> SEGMENT_SHIFT) + 1) << SEGMENT_SHIFT
        if not self.chunks.empty():
            last = &self.chunks.back()
        if (
            last == NULL
            or last.data.size() >= CHUNK_BYTES
            or (last.start >> SEGMENT_SHIFT) != (self.position >> SEGMENT_SHIFT)
        ):
            fresh.start, fresh.records = self.position, 0
            self.chunks.push_back(fresh)
            if last != NULL:  # much is coming: what grows is copied
                self.chunks.back().data.reserve(CHUNK_BYTES + CHUNK_ROOM)
            last = &self.chunks.back()
        header[0] = <uint32_t> size
        header[1] = crc_of(<const uint8_t *> payload, size)
        last.data.append(<const char *> header, 8)
        last.data.append(payload, size)
        last.records += 1
        self.position += 8 + size
        self.waiting += 8 + size
        return self.position

    def take(self):
        """Removes the oldest piece, which lies in one segment: (position, its bytes, number of records), or None."""
        if self.chunks.empty():
            return None
        cdef Chunk *first = &self.chunks.front()
        cdef Framed framed = Framed.__new__(Framed)
        piece = first.start, framed, first.records
        self.waiting -= first.data.size()
        framed.data = move(first.data)
        self.chunks.pop_front()
        return piece

    def drop(self, int64_t taken) -> int:
        """Forgets what is waiting, shuts, and goes on in the next segment, so that no position is given twice.

        ``taken`` records had been taken and are lost too. Returns the end of what is lost.
        """
        cdef int64_t end = self.position
        cdef size_t i
        self.shed += taken
        for i in range(self.chunks.size()):
            self.shed += self.chunks[i].records
        self.chunks.clear()
        self.waiting = 0
        self.position = ((end >> SEGMENT_SHIFT) + 1) << SEGMENT_SHIFT
        self.shut = True
        return end


def framed(records) -> bytes:
    """The frames of ``records``, one after the other."""
    pending = Pending(0, <int64_t> 1 << 62, <size_t> 1 << 62, False)
    for record in records:
        pending.append(record)
    return b"".join([piece for _, piece, _ in iter(pending.take, None)])


def split(const uint8_t[::1] data not None, Py_ssize_t offset, Py_ssize_t limit):
    """Records of ``data`` from ``offset`` on, at most ``limit``: (list of bytes, offset after the last whole and sound one)."""
    cdef list records = []
    cdef Py_ssize_t end = data.shape[0]
    cdef uint32_t[2] header
    cdef const uint8_t *base = &data[0] if end else NULL
    while len(records) < limit and end - offset >= 8:
        memcpy(header, base + offset, 8)
        if header[0] == 0 or header[0] > LARGEST or <Py_ssize_t> header[0] > end - offset - 8:
            break
        if crc_of(base + offset + 8, header[0]) != header[1]:
            break
        records.append(PyBytes_FromStringAndSize(<const char *> base + offset + 8, header[0]))
        offset += 8 + header[0]
    return records, offset
