"""Records of MessagePack arrays -> columns as ClickHouse's Native format lays them out, told by a small program.

A *layout* says what the fields of a kind of record are (its first element is the kind's tag), a *sink* which of them
become columns of what type. The rows of a sink are cut into *parts* by a field of theirs. Records are read as strictly
as msgspec reads a tagged union of array-like structs: types are exact, missing fields at the end take their defaults,
more fields than are known are skipped.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_Check, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

CODES = {
    "UInt8": 1, "UInt32": 2, "UInt64": 3, "Int64": 4, "String": 5, "LowCardinality(String)": 6, "Float64": 7,
}
HOLDS = {"i": (1, 2, 3, 4), "b": (1, 2, 3, 4), "f": (7,), "s": (5, 6), "y": (5,)}
"""Columns that can hold a field, by the letter of its type."""
REASONS = {
    NO_ARRAY: "it is no whole MessagePack array",
    UNKNOWN_TAG: "its kind is not known",
    TOO_SHORT: "it has too few fields",
    WRONG_TYPE: "a field has another type than it should",
    NO_UTF8: "a text is not UTF-8",
    TRAILING: "bytes follow after it",
    OUT_OF_RANGE: "a number does not fit its column",
    NO_SINK: "no table takes it",
}

cdef enum:
    UINT8 = 1
    UINT32 = 2
    UINT64 = 3
    INT64 = 4
    TEXT = 5
    WORD = 6
    FLOAT64 = 7

cdef enum Got:
    GOT_BROKEN = 0
    GOT_INT = 105   # 'i'
    GOT_TEXT = 115  # 's'
    GOT_BOOL = 98   # 'b'
    GOT_FLOAT = 102 # 'f'
    GOT_BYTES = 121 # 'y'
    GOT_OTHER = 63


cdef inline uint64_t big_endian(const uint8_t *at, int size) noexcept nogil:
    cdef uint64_t value = 0
    cdef int i
    for i in range(size):
        value = value << 8 | at[i]
    return value


cdef bint is_utf8(const uint8_t *at, size_t size) noexcept nogil:
    """As Python decodes strictly: no overlong forms, no surrogates, nothing above U+10FFFF (RFC 3629)."""
    cdef const uint8_t *end = at + size
    cdef uint64_t word
    cdef uint8_t c
    while at < end:
        if end - at >= 8:
            memcpy(&word, at, 8)
            if word & <uint64_t>0x8080808080808080 == 0:
                at += 8
                continue
        c = at[0]
        if c < 0x80:
            at += 1
        elif c < 0xC2:
            return False
        elif c < 0xE0:
            if end - at < 2 or at[1] & 0xC0 != 0x80:
                return False
            at += 2
        elif c < 0xF0:
            if end - at < 3 or at[1] & 0xC0 != 0x80 or at[2] & 0xC0 != 0x80:
                return False
            if (c == 0xE0 and at[1] < 0xA0) or (c == 0xED and at[1] >= 0xA0):
                return False
            at += 3
        elif c < 0xF5:
            if end - at < 4 or at[1] & 0xC0 != 0x80 or at[2] & 0xC0 != 0x80 or at[3] & 0xC0 != 0x80:
                return False
            if (c == 0xF0 and at[1] < 0x90) or (c == 0xF4 and at[1] >= 0x90):
                return False
            at += 4
        else:
            return False
    return True


cdef inline uint64_t bits_of(double number) noexcept nogil:
    cdef uint64_t bits
    memcpy(&bits, &number, 8)
    return bits


cdef inline uint64_t widened(uint32_t bits) noexcept nogil:
    """Bits of a float32 -> those of the same number as a double."""
    cdef float number
    memcpy(&number, &bits, 4)
    return bits_of(number)


cdef int take(const uint8_t **place, const uint8_t *end, Value *value) noexcept nogil:
    """Reads one item, with all that is in it; returns what it was. ``value`` is set for all but ``GOT_OTHER``."""
    cdef const uint8_t *at = place[0]
    cdef uint8_t c
    cdef int64_t number
    cdef uint64_t pending = 1, size
    cdef int got = GOT_OTHER, width
    cdef bint first = True
    while pending:
        if pending > <uint64_t>(end - at):  # each item has a byte at least
            return GOT_BROKEN
        pending -= 1
        c = at[0]
        at += 1
        size = 0
        if c < 0x80 or c >= 0xE0:
            if first:
                got = GOT_INT
                value.number = <uint64_t><int64_t><int8_t>c
                value.negative = c >= 0xE0
        elif c < 0x90:
            pending += 2 * (c & 0x0F)
        elif c < 0xA0:
            pending += c & 0x0F
        elif c < 0xC0:
            size = c & 0x1F
            if first:
                got = GOT_TEXT
        elif c == 0xC0:
            pass
        elif c == 0xC1:
            return GOT_BROKEN
        elif c <= 0xC3:
            if first:
                got = GOT_BOOL
                value.number, value.negative = c & 1, False
        elif c <= 0xC6 or 0xD9 <= c <= 0xDB or 0xC7 <= c <= 0xC9 or c >= 0xDC:  # a length comes first
            if c <= 0xC6:
                width = 1 << (c - 0xC4)
            elif c <= 0xC9:
                width = 1 << (c - 0xC7)
            elif c <= 0xDB:
                width = 1 << (c - 0xD9)
            elif c <= 0xDD:
                width = 2 << (c - 0xDC)
            else:
                width = 2 << (c - 0xDE)
            if end - at < width:
                return GOT_BROKEN
            size = big_endian(at, width)
            at += width
            if 0xD9 <= c <= 0xDB:
                if first:
                    got = GOT_TEXT
            elif c <= 0xC6:
                if first:
                    got = GOT_BYTES
            elif c >= 0xDE:
                pending += 2 * size
                size = 0
            elif c >= 0xDC:
                pending += size
                size = 0
            elif c >= 0xC7 and c <= 0xC9:
                size += 1  # an extension's type
        elif c <= 0xCB:
            size = 4 if c == 0xCA else 8
            if <uint64_t>(end - at) < size:
                return GOT_BROKEN
            if first:
                got = GOT_FLOAT
                value.number = big_endian(at, <int>size)
                if c == 0xCA:
                    value.number = widened(<uint32_t>value.number)
                value.negative = False
        elif c <= 0xCF:
            width = 1 << (c - 0xCC)
            if end - at < width:
                return GOT_BROKEN
            if first:
                got = GOT_INT
                value.number, value.negative = big_endian(at, width), False
            size = width
        elif c <= 0xD3:
            width = 1 << (c - 0xD0)
            if end - at < width:
                return GOT_BROKEN
            if first:
                got = GOT_INT
                size = big_endian(at, width)
                if width == 1:
                    number = <int8_t>size
                elif width == 2:
                    number = <int16_t>size
                elif width == 4:
                    number = <int32_t>size
                else:
                    number = <int64_t>size
                value.number, value.negative = <uint64_t>number, number < 0
            size = width
        else:  # 0xD4 to 0xD8: an extension of 1, 2, 4, 8 or 16 bytes
            size = 1 + (1 << (c - 0xD4))
        if size > <uint64_t>(end - at):
            return GOT_BROKEN
        if first and (got == GOT_TEXT or got == GOT_BYTES):
            value.text, value.number = at, size
        at += size
        first = False
    place[0] = at
    return got


cdef inline void put_varint(string *out, uint64_t value) noexcept nogil:
    while value >= 0x80:
        out.push_back(<char>(value & 0x7F | 0x80))
        value >>= 7
    out.push_back(<char>value)


cdef inline void put_text(string *out, const uint8_t *text, uint64_t size) noexcept nogil:
    put_varint(out, size)
    out.append(<const char *>text, size)


cdef inline void put_number(string *out, uint64_t value, size_t width) noexcept nogil:
    out.append(<const char *>&value, width)  # little-endian, as Native is and as the machines are that we run on


cdef void put_word(Column *column, const uint8_t *text, uint64_t size) noexcept nogil:
    cdef string key
    if column.places.empty() or column.newest.size() != size or memcmp(column.newest.data(), text, size) != 0:
        key.assign(<const char *>text, size)
        column.newest = key
        if column.keys.count(key):
            column.newest_place = column.keys[key]
        else:
            column.newest_place = <uint32_t>column.keys.size()
            column.keys[key] = column.newest_place
            put_text(&column.data, text, size)
    column.places.push_back(column.newest_place)


cdef bint fits(const Value *value, uint8_t code) noexcept nogil:
    if code == UINT8:
        return not value.negative and value.number < 256
    if code == UINT32:
        return not value.negative and value.number >> 32 == 0
    if code == UINT64:
        return not value.negative
    if code == INT64:
        return value.negative or value.number >> 63 == 0
    return True


cdef bytes finish(Column *column, uint8_t code):
    """The column's bytes; of a dictionary column version, key type and flags, keys, places (SerializationLowCardinality)."""
    cdef string out
    cdef size_t width = 1, i
    cdef uint64_t kind = 0, count = column.keys.size()
    if code != WORD:
        return PyBytes_FromStringAndSize(column.data.data(), column.data.size())
    if count > 0xFFFF:
        width, kind = 4, 2
    elif count > 0xFF:
        width, kind = 2, 1
    put_number(&out, 1, 8)
    put_number(&out, kind | 1 << 9 | 1 << 10, 8)  # with keys of its own, which begin anew
    put_number(&out, count, 8)
    out.append(column.data)
    put_number(&out, column.places.size(), 8)
    for i in range(column.places.size()):
        put_number(&out, column.places[i], width)
    return PyBytes_FromStringAndSize(out.data(), out.size())


cdef class Builder:
    """``layouts``: (tag, letters of the fields' types, how many have no default, defaults of the others, selector field
    or -1). ``sinks``: (tag, value of the selector, field that parts are cut by, [(field, code of `CODES`)]). Records
    with a tag of ``apart`` are only told. A part is as many units wide as ``span``; a value above ``last`` in the field
    that it is cut by does not fit.
    """

    def __init__(self, layouts, sinks, apart, uint64_t span, uint64_t last):
        cdef Layout layout
        cdef Sink sink
        cdef Slot slot
        cdef Value value
        cdef bytes text
        self.span, self.last, self.apart, self.kept = span, last, list(apart), []
        if span == 0:
            raise ValueError("a part is at least one unit wide")
        letters = {}
        for tag, types, required, defaults, selector in layouts:
            if set(types) - set("isbfy") or required + len(defaults) != len(types):
                raise ValueError(f"layout {tag}: {types!r} with {required} fields and {len(defaults)} defaults")
            if selector >= 0 and types[selector] != "i":
                raise ValueError(f"layout {tag}: the selector is no integer")
            letters[tag] = types
            layout.tag, layout.types, layout.required, layout.selector = tag, types.encode(), required, selector
            layout.defaults.clear()
            for letter, default in zip(types[required:], defaults, strict=True):
                value.text, value.negative = <const uint8_t *>NULL, False
                if letter == "f":
                    value.number = bits_of(default)
                elif letter in "sy":
                    text = default if letter == "y" else default.encode()
                    self.kept.append(text)
                    value.text, value.number = <const uint8_t *>PyBytes_AS_STRING(text), <uint64_t>len(text)
                else:
                    value.number, value.negative = <uint64_t>(int(default) & 0xFFFFFFFFFFFFFFFF), int(default) < 0
                layout.defaults.push_back(value)
            self.layouts.push_back(layout)
        for tag, chosen, clock, slots in sinks:
            if letters[tag][clock] != "i":
                raise ValueError(f"sink {tag}: parts are cut by an integer")
            sink.tag, sink.value, sink.clock = tag, chosen, clock
            sink.slots.clear()
            for field, code in slots:
                if code not in HOLDS[letters[tag][field]]:
                    raise ValueError(f"sink {tag}: field {field} cannot be a column of type {code}")
                slot.field, slot.code = field, code
                sink.slots.push_back(slot)
            self.sinks.push_back(sink)

    def build(self, list records not None):
        """``(parts, apart, refused)``: parts are (sink, number of the part, rows, bytes of its columns), by sink and
        number; ``apart`` are places of records; refused ones are (place, one of `REASONS`, field or -1).
        """
        cdef size_t i, k, count = <size_t>len(records)
        cdef vector[const uint8_t *] starts
        cdef vector[size_t] sizes
        cdef vector[Part] parts
        cdef vector[int64_t] latest
        cdef vector[Value] values
        cdef vector[int] whys
        cdef vector[uint32_t] fields
        cdef uint32_t field
        cdef Part *part
        for record in records:
            if not PyBytes_Check(record):
                raise TypeError(f"a record is bytes, not {type(record).__name__}")
            starts.push_back(<const uint8_t *>PyBytes_AS_STRING(record))
            sizes.push_back(<size_t>PyBytes_GET_SIZE(record))
        kept = list(records)  # whatever the caller does with its list meanwhile
        whys.resize(count)
        fields.resize(count)
        with nogil:
            latest.resize(self.sinks.size(), -1)
            values.resize(256)
            for i in range(count):
                field = 0
                whys[i] = self.add(starts[i], sizes[i], &parts, &latest, &values, &field)
                fields[i] = field
        made = []
        for i in range(parts.size()):
            part = &parts[i]
            columns = [finish(&part.columns[k], self.sinks[part.sink].slots[k].code) for k in range(part.columns.size())]
            made.append((part.sink, part.part, part.rows, columns))
        made.sort(key=_order)
        apart = [i for i in range(count) if whys[i] < 0]
        refused = []
        for i in range(count):
            if whys[i] > 0:
                refused.append((i, whys[i], <int64_t>fields[i] - 1))
        return made, apart, refused

    cdef int add(self, const uint8_t *record, size_t size, vector[Part] *parts, vector[int64_t] *latest,
                 vector[Value] *values, uint32_t *field) noexcept nogil:
        """Appends one record to its part; returns `Why` not, or -1 for one that is only told."""
        cdef const uint8_t *at = record
        cdef const uint8_t *end = record + size
        cdef uint64_t count, i, number
        cdef Value value
        cdef Layout *layout = NULL
        cdef Sink *sink = NULL
        cdef Part *part = NULL
        cdef Part fresh
        cdef Column *column
        cdef Value *of
        cdef size_t k, chosen = 0
        cdef int got
        if size == 0:
            return NO_ARRAY
        if 0x90 <= at[0] < 0xA0:
            count = at[0] & 0x0F
            at += 1
        elif at[0] == 0xDC and size >= 3:
            count = big_endian(at + 1, 2)
            at += 3
        elif at[0] == 0xDD and size >= 5:
            count = big_endian(at + 1, 4)
            at += 5
        else:
            return NO_ARRAY
        if count == 0:
            return TOO_SHORT
        got = take(&at, end, &value)
        if got == GOT_BROKEN:
            return NO_ARRAY
        if got != GOT_INT or (not value.negative and value.number >> 63):
            return UNKNOWN_TAG
        for k in range(self.apart.size()):
            if self.apart[k] == <int64_t>value.number:
                return -1
        for k in range(self.layouts.size()):
            if self.layouts[k].tag == <int64_t>value.number:
                layout = &self.layouts[k]
                break
        if layout == NULL:
            return UNKNOWN_TAG
        count -= 1
        if count < layout.required:
            return TOO_SHORT
        if values.size() < layout.types.size():
            values.resize(layout.types.size())
        of = values.data()
        for i in range(count):
            if i >= layout.types.size():
                if take(&at, end, &value) == GOT_BROKEN:
                    return NO_ARRAY
                continue
            got = take(&at, end, &of[i])
            if got == GOT_BROKEN:
                return NO_ARRAY
            field[0] = <uint32_t>i + 1
            if got != layout.types[i]:
                if got != GOT_INT or layout.types[i] != GOT_FLOAT:
                    return WRONG_TYPE
                of[i].number = bits_of(
                    <double><int64_t>of[i].number if of[i].negative else <double>of[i].number
                )
                of[i].negative = False
            if got == GOT_TEXT and not is_utf8(of[i].text, of[i].number):
                return NO_UTF8
        field[0] = 0
        if at != end:
            return TRAILING
        for i in range(count, layout.types.size()):
            of[i] = layout.defaults[i - layout.required]
        for k in range(self.sinks.size()):
            if self.sinks[k].tag == layout.tag:
                if layout.selector < 0 or (
                    not of[layout.selector].negative and of[layout.selector].number == self.sinks[k].value
                ):
                    sink, chosen = &self.sinks[k], k
                    break
        if sink == NULL:
            if layout.selector >= 0:
                field[0] = <uint32_t>layout.selector + 1
            return NO_SINK
        field[0] = sink.clock + 1
        if of[sink.clock].negative or of[sink.clock].number > self.last:
            return OUT_OF_RANGE
        for k in range(sink.slots.size()):
            field[0] = sink.slots[k].field + 1
            if not fits(&of[sink.slots[k].field], sink.slots[k].code):
                return OUT_OF_RANGE
        field[0] = 0
        number = of[sink.clock].number // self.span
        if latest[0][chosen] >= 0:
            part = &parts[0][latest[0][chosen]]
            if part.part != number:
                part = NULL
        if part == NULL:
            for k in range(parts.size()):
                if parts[0][k].sink == chosen and parts[0][k].part == number:
                    part = &parts[0][k]
                    latest[0][chosen] = k
                    break
        if part == NULL:
            fresh.sink, fresh.part, fresh.rows = chosen, number, 0
            fresh.columns.resize(sink.slots.size())
            latest[0][chosen] = parts.size()
            parts.push_back(fresh)
            part = &parts.back()
        part.rows += 1
        for k in range(sink.slots.size()):
            column = &part.columns[k]
            value = of[sink.slots[k].field]
            got = sink.slots[k].code
            if got == UINT8:
                column.data.push_back(<char>value.number)
            elif got == UINT32:
                put_number(&column.data, value.number, 4)
            elif got == TEXT:
                put_text(&column.data, value.text, value.number)
            elif got == WORD:
                put_word(column, value.text, value.number)
            else:
                put_number(&column.data, value.number, 8)
        return TAKEN


def _order(made):
    return made[0], made[1]
