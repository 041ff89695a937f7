"""The models that a worker predicts with, and what it takes for likely while there is none."""

PRIOR_CTR = 0.001
"""Of display ads about one impression in a thousand is clicked."""
PRIOR_CVR = 0.01
"""Of clicks about one in a hundred converts."""


cdef class Models:

    def __init__(self, double prior_ctr=PRIOR_CTR, double prior_cvr=PRIOR_CVR):
        self.prior_ctr, self.prior_cvr = prior_ctr, prior_cvr
