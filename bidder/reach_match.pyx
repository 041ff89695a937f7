"""Which impressions of a request the one line item of a view wants, and what is asked for them: the compiled part of the
reach forecast."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t
from libcpp.vector cimport vector

from bidder.candidates cimport Candidates
from bidder.floors cimport floor_of
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.request cimport Imp, Request

import numpy

from domain.creative import FORMATS

FORMAT_NAMES = FORMATS

cdef struct Match:
    int32_t request, place, format
    int64_t floor


cdef class Matches:
    """What was found so far: see `arrays`."""

    cdef vector[Match] rows

    def add(self, Candidates c not None, View view not None, Seller seller not None, Request r not None, int32_t number):
        """Of the request that `bidder.select.select` has just looked at, which gets the number ``number``: a row for each
        format of each impression that line item 0 wants and that has a floor we can read. Returns how many.
        """
        cdef size_t k, n = view.index.matcher.n_line_words, before = self.rows.size()
        cdef Imp *imp
        cdef Match row
        for k in range(r.imps.size()):
            if c.by_imp and not c.imp_words[k * n] & 1:
                continue
            imp = &r.imps[k]
            row.request, row.place, row.format = number, imp.place, imp.format
            row.floor = floor_of(imp, NULL, 0, seller, r)
            if row.floor < 0:
                continue
            self.rows.push_back(row)
        return self.rows.size() - before

    def __len__(self):
        return self.rows.size()

    def arrays(self):
        """A row each: number of the request, place of the impression in it, place of the format in `FORMATS`, floor in CPM
        micros of the exchange's currency.
        """
        cdef bytes raw = PyBytes_FromStringAndSize(<const char *>self.rows.data(), self.rows.size() * sizeof(Match))
        kinds = numpy.dtype(
            {
                "names": ["request", "place", "format", "floor"], "formats": ["<i4", "<i4", "<i4", "<i8"],
                "offsets": [0, 4, 8, 16], "itemsize": sizeof(Match),
            }
        )
        found = numpy.frombuffer(raw, kinds)
        return tuple(numpy.ascontiguousarray(found[name]) for name in kinds.names)
