from bidder.candidates cimport Candidates
from openrtb.request cimport Imp, Request

# In years, by the calendar year of the request; 0: not known, or no age.
cdef int age_of(Request r, int year_of_birth) noexcept nogil

# Puts the values of one imp in one of its formats into ``facts``, in place of another's.
cdef void collect_imp(Candidates c, Request r, Imp *imp) noexcept
