"""Draws from beta distributions that are the same whenever they are asked for: all randomness comes from one number.

SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) makes the bits; gamma
variates are drawn by the method of Marsaglia and Tsang ("A simple method for generating gamma variables", ACM TOMS
2000), and a beta variate is the share of one gamma variate in two.
"""

from libc.math cimport cos, log, pow, sqrt
from libc.stdint cimport uint64_t

cdef double TWO_PI = 6.283185307179586
cdef double LEAST = 1e-300
cdef enum:
    MOST_TRIES = 64  # one try in twenty fails at most, so this is never reached


cdef uint64_t next_bits(uint64_t *state) noexcept nogil:
    cdef uint64_t z
    state[0] = state[0] + <uint64_t>0x9E3779B97F4A7C15
    z = state[0]
    z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
    return z ^ (z >> 31)


cdef double next_uniform(uint64_t *state) noexcept nogil:
    return (<double>(next_bits(state) >> 11) + 0.5) / 9007199254740992.0  # 2⁵³


cdef double normal_draw(uint64_t *state) noexcept nogil:
    cdef double radius = sqrt(-2.0 * log(next_uniform(state)))
    return radius * cos(TWO_PI * next_uniform(state))


cdef double gamma_draw(double shape, uint64_t *state) noexcept nogil:
    cdef double boost = 1.0, d, c, x, v, u
    cdef int tries
    if shape < 1.0:
        boost = pow(next_uniform(state), 1.0 / shape)
        shape += 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / sqrt(9.0 * d)
    for tries in range(MOST_TRIES):
        x = normal_draw(state)
        v = 1.0 + c * x
        if v <= 0.0:
            continue
        v = v * v * v
        u = next_uniform(state)
        if log(u) < 0.5 * x * x + d - d * v + d * log(v):
            return max(boost * d * v, LEAST)
    return max(boost * d, LEAST)


cdef double beta_draw(double a, double b, uint64_t *state) noexcept nogil:
    cdef double one = gamma_draw(a, state), other = gamma_draw(b, state)
    return one / (one + other)


def beta_draws(double a, double b, uint64_t seed, int n) -> list:
    """The first ``n`` draws of a stream, for tests and benches. Raises ValueError for what is no beta distribution."""
    cdef uint64_t state = seed
    cdef int i
    if not (a > 0 and b > 0):
        raise ValueError(f"a {a}, b {b}: above 0 is allowed")
    return [beta_draw(a, b, &state) for i in range(n)]
