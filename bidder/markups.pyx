"""The text of ads, ready to be written into bids: cut at its marks (`openrtb.marks`), where what is the bid's own goes."""

import json

from openrtb import marks

FIRST = ord(marks.CLICK)


cdef class Markups:

    cdef int32_t add(self, str text, uint64_t protocols) except -1:
        """Takes a text with marks; returns the place of its variant."""
        cdef Variant row
        row.protocols = protocols
        row.pieces = <int32_t>self.pieces.size()
        for piece, mark in marks.cut(text):
            self.pieces.push_back(json.dumps(piece)[1:-1].encode())
            self.marks.push_back(ord(mark) - FIRST if mark else NOTHING)
        row.n_pieces = <int32_t>self.pieces.size() - row.pieces
        self.variants.push_back(row)
        return <int32_t>self.variants.size() - 1

    cdef void clear(self) noexcept:
        self.variants.clear()
        self.pieces.clear()
        self.marks.clear()


assert [ord(mark) - FIRST for mark in marks.ALL] == [CLICK, IMPRESSION, EVENT, CLICKED, BID, ASIDES, ASIDE]
