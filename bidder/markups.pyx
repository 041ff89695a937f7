"""The text of ads, ready to be written into bids.

Where a URL of the bid itself is to go, the text has a character of Unicode's private area, which HTML, XML and JSON let
stand as it is: `mark` of the `domain.events.Kind` that the URL tells of.
"""

import json
import re

FIRST = 0xE000
MARK = re.compile("[\uE000-\uE0FF]")


def mark(int kind) -> str:
    """Stands for the URL of this kind of event."""
    return chr(FIRST + kind)


cdef class Markups:

    cdef int32_t add(self, str text, uint64_t protocols) except -1:
        """Takes a text with marks; returns the place of its variant."""
        cdef Variant row
        row.protocols = protocols
        row.pieces = <int32_t>self.pieces.size()
        start = 0
        for found in MARK.finditer(text):
            self._add_piece(text[start:found.start()], ord(found.group()) - FIRST)
            start = found.end()
        self._add_piece(text[start:], 0)
        row.n_pieces = <int32_t>self.pieces.size() - row.pieces
        self.variants.push_back(row)
        return <int32_t>self.variants.size() - 1

    def _add_piece(self, str text, int mark):
        self.pieces.push_back(json.dumps(text)[1:-1].encode())
        self.marks.push_back(mark)

    cdef void clear(self) noexcept:
        self.variants.clear()
        self.pieces.clear()
        self.marks.clear()
