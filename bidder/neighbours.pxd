from bidder.candidates cimport Candidate, Candidates
from bidder.view cimport View
from openrtb.request cimport Request

cdef bint beside_a_rival(Candidates c, View view, Request r, Candidate *row) noexcept nogil
