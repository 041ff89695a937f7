from bidder.facts cimport Facts

cdef struct Terms:   # of a line item; money is nanos of the account's currency, fees included
    double goal      # what a result may cost; of a return on spend the ratio
    double cap       # what an impression may cost
    double worth     # of a conversion, as long as nothing is known of it; 0: nobody said
    double margin    # of a credit that is repaid
    double exposure  # what is owed when it is not
    double lgd       # and the share of it that is lost then
    double p_approved, pd  # of whom nothing is known

cdef struct Known:   # of its results so far; 0: nothing
    double ctr
    double cvr       # of clicks
    double worth     # of a conversion

cdef class Strategy:
    # What an impression is worth: account nanos, fees included, before multipliers and pace. It allocates nothing, touches no
    # Python object, and never fails; not a number, and what is below 0, is taken for 0.
    cdef double value(
        self, const Terms *terms, const Known *known, const Facts *facts, double ctr, double cvr
    ) noexcept nogil
