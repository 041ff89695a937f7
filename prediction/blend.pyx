"""Models together: the log odds of a row are a bias and a weighted sum of the members'."""

from libc.stdint cimport uint32_t

import numpy as np

from prediction.scorer cimport Scorer, to_probabilities

cdef enum:
    RUN = 256      # candidates at a time
    MOST = 64      # members


cdef class Blend(Scorer):
    """``members`` take the same features; ``weights`` are float64, one a member. A member may stand in one blend only,
    and be scored by nobody else at the time: its scratch memory is its own.

    Raises ValueError that begins with the argument's name.
    """

    TYPE = "blend"

    def __init__(self, members, weights, double bias):
        cdef Py_ssize_t i
        members = tuple(members)
        if not 1 <= len(members) <= MOST:
            raise ValueError(f"members: {len(members)} are not allowed; 1 to {MOST} are")
        for member in members:
            if not isinstance(member, Scorer):
                raise ValueError(f"members: a {type(member).__name__} does not score impressions")
            if (member.n_shared, member.n_own) != (members[0].n_shared, members[0].n_own):
                raise ValueError(
                    f"members: one takes {member.n_shared} + {member.n_own} features, another "
                    f"{members[0].n_shared} + {members[0].n_own}"
                )
        Scorer.__init__(self, members[0].n_shared, members[0].n_own)
        self.weights = np.array(weights, np.float64)
        if self.weights.shape != (len(members),):
            raise ValueError(f"weights: are {self.weights.shape} in size, there are {len(members)} members")
        if not np.isfinite(self.weights).all() or not np.isfinite(bias):
            raise ValueError("weights: or bias are not all finite")
        self.members, self.bias = members, bias
        for i in range(len(members)):
            self.scorers.push_back(<void *>members[i])
            self.shares.push_back(self.weights[i])

    cdef void margins(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil:
        cdef Py_ssize_t first, i, n
        cdef size_t m
        for i in range(rows):
            out[i] = self.bias
        for m in range(self.scorers.size()):
            first = 0
            while first < rows:
                n = min(rows - first, <Py_ssize_t>RUN)
                (<Scorer>self.scorers[m]).margins(shared, own + first * self.n_own, n, self.part)
                for i in range(n):
                    out[first + i] += self.shares[m] * self.part[i]
                first += n

    cdef void score(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil:
        self.margins(shared, own, rows, out)
        to_probabilities(out, rows)
