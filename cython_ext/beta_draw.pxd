from libc.stdint cimport uint64_t

# The next 64 random bits of a stream that ``state`` stands for, any 64 bits to begin with (SplitMix64).
cdef uint64_t next_bits(uint64_t *state) noexcept nogil

# Uniform in (0, 1).
cdef double next_uniform(uint64_t *state) noexcept nogil

# Of a gamma distribution with this shape above 0, and scale 1.
cdef double gamma_draw(double shape, uint64_t *state) noexcept nogil

# Of a beta distribution; ``a`` and ``b`` above 0. In (0, 1).
cdef double beta_draw(double a, double b, uint64_t *state) noexcept nogil
