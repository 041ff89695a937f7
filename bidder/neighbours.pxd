from bidder.candidates cimport Candidate, Candidates
from bidder.view cimport View
from openrtb.request cimport Request

from bidder.brands cimport Brand, Brands

cdef bint same_field(Brand *one, Brand *other, Brands brands) noexcept nogil
cdef bint beside_a_rival(Candidates c, View view, Request r, Candidate *row) noexcept nogil
