from openrtb.request cimport Request

# In years, by the calendar year of the request; 0: not known, or no age.
cdef int age_of(Request r, int year_of_birth) noexcept nogil
