# cython: overflowcheck=False
"""A set of 64-bit keys, or a map from such keys to a few bytes, as an immutable file that is mapped into memory.

The file has a header of 64 bytes, the keys in ascending order, the payloads in the order of the keys, and an index: of
each value of the keys' highest bits the first row. Keys are hashes as a rule, so a bucket has some 16 to 32 keys and
interpolation within it comes close at once; with keys of any other distribution a look-up is a binary search, and as
exact. A table of 100 million keys has 0.82 GB, and a look-up touches three cache lines of it.
"""

cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

import mmap
import os
import struct
from pathlib import Path
from zlib import crc32

import numpy as np

cdef extern from * nogil:
    """
    static inline void touch(const void *at) { __builtin_prefetch(at); }
    """
    void touch(const void *at)

MAGIC = b"KEYTABLE"
VERSION = 1
HEADER = struct.Struct("<8sIIQIxxxxQQQ")  # magic, version, width, rows, bits, where keys, payloads and index begin
HEADER_SIZE = 64  # with a CRC-32 of what stands before it in the last four bytes
MAX_WIDTH = 32
MAX_ROWS = (1 << 32) - 1
MAX_BITS = 28
KEYS_A_BUCKET = 16

cdef enum:
    TOGETHER = 64  # look-ups whose memory is fetched at once
    HEADER_SIZE_C = 64


@cython.final
cdef class KeyTable:
    """The table in the file ``path``. It stays as it is for as long as the object lives, also when the file is replaced.

    Raises ValueError, beginning with the path, for what is no such file or a part of one; OSError if it cannot be read.
    """

    def __init__(self, path):
        cdef const unsigned char *data
        self.path = Path(path)
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < HEADER_SIZE:
                raise ValueError(f"{path}: {size} bytes are not allowed; a table of keys has {HEADER_SIZE} or more")
            self.mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        head = bytes(self.mapped[:HEADER_SIZE])
        magic, version, width, rows, bits, keys_at, column_at, index_at = HEADER.unpack_from(head)
        if magic != MAGIC or head[60:] != crc32(head[:60]).to_bytes(4, "little"):
            raise ValueError(f"{path}: this is no table of keys, or its beginning is damaged")
        if version != VERSION:
            raise ValueError(f"{path}: version {version} is not allowed; {VERSION} is")
        if (
            width > MAX_WIDTH or bits > MAX_BITS or keys_at != HEADER_SIZE or column_at != keys_at + 8 * rows
            or index_at < column_at + width * rows or index_at % 4 or size != index_at + 4 * ((1 << bits) + 1)
        ):
            raise ValueError(f"{path}: {size} bytes are not allowed; {rows} keys with {width} bytes each have others")
        self.rows, self.width, self.bits = rows, width, bits
        data = &self.mapped[0]
        self.key = <const uint64_t *>(data + <Py_ssize_t>keys_at)
        self.column = data + <Py_ssize_t>column_at
        self.start = <const uint32_t *>(data + <Py_ssize_t>index_at)
        index = np.frombuffer(self.mapped, np.uint32, (1 << bits) + 1, index_at)
        if self.start[0] != 0 or self.start[1 << self.bits] != self.rows or (index[1:] < index[:-1]).any():
            raise ValueError(f"{path}: its index does not fit its keys")  # a look-up would leave the file

    def __len__(self):
        return self.rows

    cdef Py_ssize_t first_bucket(self, uint64_t key) noexcept nogil:
        return <Py_ssize_t>(key >> (64 - self.bits)) if self.bits else 0

    cdef Py_ssize_t likely(self, uint64_t key) noexcept nogil:
        """The row where a key is, if the keys of its bucket lie evenly; -1: the bucket is empty."""
        cdef Py_ssize_t bucket = self.first_bucket(key)
        cdef uint64_t low = self.start[bucket], high = self.start[bucket + 1]
        if low >= high:
            return -1
        return <Py_ssize_t>(low + (((key << self.bits) >> 32) * (high - low) >> 32))

    cdef Py_ssize_t find_from(self, uint64_t key, Py_ssize_t at) noexcept nogil:
        """As `find`, beginning at a row of the key's bucket: in steps that double, then by halves."""
        cdef Py_ssize_t bucket = self.first_bucket(key), step = 1, middle
        cdef Py_ssize_t low = self.start[bucket], high = self.start[bucket + 1]
        if self.key[at] == key:
            return at
        if self.key[at] < key:
            low = at + 1
            while low + step < high and self.key[low + step] <= key:
                low += step
                step *= 2
            high = min(high, low + step)
        else:
            high = at
            while high - step > low and self.key[high - step] > key:
                high -= step
                step *= 2
            low = max(low, high - step)
        while low < high:
            middle = (low + high) >> 1
            if self.key[middle] < key:
                low = middle + 1
            else:
                high = middle
        return low if low < <Py_ssize_t>self.start[bucket + 1] and self.key[low] == key else -1

    cpdef Py_ssize_t find(self, uint64_t key) noexcept nogil:
        """Row of a key; -1: it is not there."""
        cdef Py_ssize_t at = self.likely(key)
        return self.find_from(key, at) if at >= 0 else -1

    cdef const unsigned char *payload(self, Py_ssize_t row) noexcept nogil:
        return self.column + row * self.width

    def __contains__(self, uint64_t key):
        return self.find(key) >= 0

    def get(self, uint64_t key):
        """Payload of a key; None: it is not there."""
        cdef Py_ssize_t row = self.find(key)
        if row < 0:
            return None
        return (<const char *>self.payload(row))[:self.width]

    def at(self, Py_ssize_t row):
        """Payload of a row."""
        if not 0 <= row < self.rows:
            raise IndexError(f"row {row} is not allowed; there are {self.rows}")
        return (<const char *>self.payload(row))[:self.width]

    def find_many(self, keys not None):
        """Rows of many keys, uint64 (n) in, int64 (n) out; -1: it is not there."""
        cdef const uint64_t[::1] wanted = np.ascontiguousarray(keys, np.uint64)
        found = np.empty(wanted.shape[0], np.int64)
        cdef int64_t[::1] row = found
        cdef Py_ssize_t i
        with nogil:
            for i in range(wanted.shape[0]):
                row[i] = self.find(wanted[i])
        return found

    def keys(self):
        """All keys, ascending: uint64 (rows), read-only, in the file."""
        return np.frombuffer(self.mapped, np.uint64, self.rows, HEADER_SIZE)

    def payloads(self):
        """All payloads: uint8 (rows, width), read-only, in the file."""
        flat = np.frombuffer(self.mapped, np.uint8, self.rows * self.width, HEADER_SIZE + 8 * self.rows)
        return flat.reshape(self.rows, self.width)


def find_all(tables, keys):
    """Every key in every one of some tables: (place of the table, place of the key, row) of each that is there, in this
    order. Their memory is fetched at the same time, so that it takes little longer than one look-up.
    """
    cdef Py_ssize_t k, t, of_keys, of_tables, keys_count = len(keys), tables_count = len(tables)
    cdef Py_ssize_t most_tables = min(max(tables_count, 1), TOGETHER // 4), most_keys = TOGETHER // most_tables
    cdef list out = []
    for t in range(0, tables_count, most_tables):
        of_tables = min(most_tables, tables_count - t)
        for k in range(0, keys_count, most_keys):
            of_keys = min(most_keys, keys_count - k)
            find_some(tables, t, of_tables, keys, k, of_keys, out)
    if keys_count > most_keys:
        out.sort()
    return out


cdef int find_some(
    tables, Py_ssize_t first_table, Py_ssize_t of_tables, keys, Py_ssize_t first_key, Py_ssize_t of_keys, list out
) except -1:
    """As `find_all`, of so many that all their memory can be asked for before any of it is read."""
    cdef KeyTable table
    cdef Py_ssize_t k, t, place, row
    cdef uint64_t key[TOGETHER]
    cdef Py_ssize_t at[TOGETHER]
    for k in range(of_keys):
        key[k] = keys[first_key + k]
    for t in range(of_tables):
        table = tables[first_table + t]
        for k in range(of_keys):
            touch(&table.start[table.first_bucket(key[k])])
    place = 0
    for t in range(of_tables):
        table = tables[first_table + t]
        for k in range(of_keys):
            at[place] = table.likely(key[k])
            if at[place] >= 0:
                touch(&table.key[at[place]])
            place += 1
    place = 0
    for t in range(of_tables):
        table = tables[first_table + t]
        for k in range(of_keys):
            if at[place] >= 0:
                row = table.find_from(key[k], at[place])
                if row >= 0:
                    out.append((first_table + t, first_key + k, row))
            place += 1
    return 0


class KeyTableWriter:
    """Writes a table block by block, in the order of the keys; nothing is at ``path`` before `close`, then all is.

    Used with ``with``: an exception discards it.
    """

    def __init__(self, path, width=0):
        if not 0 <= width <= MAX_WIDTH:
            raise ValueError(f"width: {width} is not allowed; 0 to {MAX_WIDTH} bytes are")
        self.path, self.rows = Path(path), 0
        self._width, self._last, self._payloads = width, -1, []
        self._draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        self._file = self._draft.open("w+b")
        self._file.write(bytes(HEADER_SIZE))

    def append(self, keys, payload=None):
        """Keys, strictly ascending and above those before; ``payload`` has their bytes. Raises ValueError."""
        keys = np.ascontiguousarray(keys, np.uint64)
        data = packed(payload)
        if len(data) != len(keys) * self._width:
            raise ValueError(f"payload: {len(data)} bytes are not allowed; {len(keys)} keys have {self._width} each")
        if not len(keys):
            return
        if int(keys[0]) <= self._last or not ascending(keys):
            raise ValueError("keys: they are not in strictly ascending order")
        self._last = int(keys[len(keys) - 1])
        self.rows += len(keys)
        if self.rows > MAX_ROWS:
            raise ValueError(f"keys: more than {MAX_ROWS} are not allowed")
        self._file.write(keys.data)
        if self._width:
            self._payloads.append(data)

    def close(self):
        """Ends the file, and puts it in its place when it is on the disk."""
        file, rows, bits = self._file, self.rows, 0
        for payload in self._payloads:
            file.write(payload)
        while bits < MAX_BITS and rows >> bits > 2 * KEYS_A_BUCKET - 1:
            bits += 1
        column_at = HEADER_SIZE + 8 * rows
        index_at = -(-(column_at + self._width * rows) // 64) * 64
        file.write(bytes(index_at - column_at - self._width * rows))
        file.flush()
        file.write(index_of(file.fileno(), rows, bits).data)
        head = HEADER.pack(MAGIC, VERSION, self._width, rows, bits, HEADER_SIZE, column_at, index_at)
        head = head.ljust(HEADER_SIZE - 4, b"\0")
        file.seek(0)
        file.write(head + crc32(head).to_bytes(4, "little"))
        file.flush()
        os.fsync(file.fileno())
        file.close()
        os.replace(self._draft, self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self):
        """Leaves what is at ``path`` as it is."""
        try:
            self._file.close()
        except OSError:  # what is not written yet does not find room
            pass
        self._draft.unlink(missing_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.discard()
            return
        try:
            self.close()
        except BaseException:
            self.discard()
            raise


def packed(payload):
    """The bytes of a payload, however it is given."""
    if payload is None:
        return b""
    return payload.tobytes() if isinstance(payload, np.ndarray) else bytes(payload)


def ascending(keys):
    """Whether each key is above the one before it."""
    return bool((keys[1:] > keys[:max(0, len(keys) - 1)]).all())


def lasts(keys):
    """Of sorted keys a mask, bool (n): True for the last of equal ones."""
    mask = np.ones(len(keys), np.bool_)
    mask[:max(0, len(keys) - 1)] = keys[1:] != keys[:max(0, len(keys) - 1)]
    return mask


def index_of(file, Py_ssize_t rows, int bits):
    """First rows of the buckets, uint32 (2 ** bits + 1), of the keys that are in a file behind a header."""
    starts = np.zeros((1 << bits) + 1, np.uint32)
    cdef uint32_t[::1] start = starts
    if rows == 0:
        return starts
    cdef const unsigned char[::1] mapped = mmap.mmap(file, 0, access=mmap.ACCESS_READ)
    cdef const uint64_t *key = <const uint64_t *>(&mapped[0] + HEADER_SIZE_C)
    cdef Py_ssize_t row, bucket, begun = 0
    with nogil:
        for row in range(rows):
            bucket = <Py_ssize_t>(key[row] >> (64 - bits)) if bits else 0
            while begun < bucket:
                begun += 1
                start[begun] = <uint32_t>row
        while begun < (<Py_ssize_t>1 << bits):
            begun += 1
            start[begun] = <uint32_t>rows
    return starts


def write_key_table(path, keys, payload=None, width=0):
    """Writes a table of keys in any order, uint64 (n), with ``width`` bytes each in ``payload``. Of a key that is given
    several times the last counts. The file is at ``path`` whole, and on the disk, when this returns.
    """
    keys = np.ascontiguousarray(keys, np.uint64)
    if keys.ndim != 1:
        raise ValueError(f"keys: an array of {keys.ndim} dimensions is not allowed; one of 1 is")
    rows = None
    if width:
        flat = np.frombuffer(packed(payload), np.uint8)
        if flat.size != len(keys) * width:
            raise ValueError(f"payload: {flat.size} bytes are not allowed; {len(keys)} keys have {width} each")
        rows = flat.reshape(len(keys), width)
    if not ascending(keys):
        if rows is None:
            keys = np.sort(keys)
            keys = keys[lasts(keys)]
        else:
            order = np.argsort(keys, kind="stable")
            last = order[lasts(keys[order])]
            keys, rows = keys[last], rows[last]
    with KeyTableWriter(path, width) as writer:
        writer.append(keys, rows if width else payload)


def remove_keys(path, keys):
    """Writes the table at ``path`` without some keys; returns how many of them it had. Nothing is done where it has none,
    or where there is no table. Who has the old one open keeps it until they open it again.
    """
    path = Path(path)
    if not path.exists():
        return 0
    table = KeyTable(path)
    gone = table.find_many(np.array(sorted(set(keys)), np.uint64))
    gone = gone[gone >= 0]
    if len(gone):
        kept = np.ones(len(table), np.bool_)
        kept[gone] = False
        write_key_table(path, table.keys()[kept], table.payloads()[kept], table.width)
    return len(gone)
