"""Prediction: how likely is a click on each pair that is left, and that a click converts?"""

from libc.stdint cimport uint32_t

from bidder.candidates cimport Candidate, Candidates
from bidder.models cimport Models
from bidder.view cimport CTR, CVR, Line, View
from openrtb.request cimport Request


def predict(Candidates c not None, View view not None, Models models not None, Request r not None):
    """Sets ``ctr`` and ``cvr`` of the pairs whose line items ask for them; takes none out. Returns how many are left."""
    cdef size_t i, n = c.rows.size()
    cdef Candidate *rows = c.rows.data()
    cdef Line *lines = view.lines.data()
    cdef uint32_t wanted
    if not view.predictions:
        return n
    for i in range(n):
        wanted = lines[rows[i].line].predictions
        if wanted & CTR:
            rows[i].ctr = models.prior_ctr
        if wanted & CVR:
            rows[i].cvr = models.prior_cvr
    return n
