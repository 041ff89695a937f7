from bidder.candidates cimport Candidates
from bidder.view cimport Line, View
from openrtb.request cimport Request

# Which expressions of multipliers hold, of each imp of the request.
cdef int match_multipliers(Candidates c, View view, Request r) except -1

# The product of those of a line item that hold on an imp, from 0.1 to 10.
cdef double multiplied(Candidates c, View view, Line *line, int imp) noexcept nogil
