"""Prediction: how likely is a click on each pair that is left, and that a click converts?

Pairs whose line items do not ask for it are passed over. What the others share is worked out once, and they are scored
in one call: one for each impression of the request, and another for campaigns in special categories, which must not be
decided by what is protected.
"""

from libc.stdint cimport int32_t, uint32_t
from libcpp.vector cimport vector

from bidder.candidates cimport Candidate, Candidates
from bidder.feature_values cimport (
    CONTEXT_PARTS, N_OWN, N_SHARED, Person, blank_protected, imp_values, meet_person, own_values, request_values,
)
from bidder.models cimport Models
from bidder.seller cimport Seller
from bidder.view cimport CVR, Line, View
from openrtb.context cimport Context
from openrtb.decode_context cimport read_context
from openrtb.request cimport Request
from prediction.scorer cimport Scorer


def predict(
    Candidates c not None, View view not None, Models models not None, Seller seller not None, Request r not None,
    bytes body not None,
):
    """Sets ``ctr`` and ``cvr`` of the pairs whose line items ask for them; takes none out. Returns how many are left."""
    cdef size_t i, n = c.rows.size()
    cdef Candidate *rows = c.rows.data()
    cdef Line *lines = view.lines.data()
    for i in range(n):
        if lines[rows[i].line].predictions:
            score_all(c, view, models, seller, r, body)
            break
    return n


cdef int score_all(Candidates c, View view, Models models, Seller seller, Request r, bytes body) except -1:
    cdef Context x = c.context
    cdef Person person
    cdef vector[uint32_t] common
    cdef size_t k
    cdef int special
    if c.parts & CONTEXT_PARTS != CONTEXT_PARTS:
        x = models.context
        read_context(x, r, body, CONTEXT_PARTS)
    meet_person(r, &person)
    c.shared.clear()
    c.own.clear()
    c.calls.clear()
    c.n_calls = 0
    c.model, c.shadow_model = models.ctr_version, models.shadow_version
    common.resize(N_SHARED)
    request_values(x, r, seller, &person, common.data())
    for k in range(r.imps.size()):
        imp_values(x, r, &r.imps[k], common.data())
        for special in range(2):
            score_group(c, view, models, &person, <int32_t>k, special, common.data())
    models.predicted = models.predicted + c.calls.size()
    return 0


cdef void score_group(
    Candidates c, View view, Models models, Person *person, int32_t imp, bint special, const uint32_t *common
) noexcept nogil:
    """Those of one impression that are, or are not, of campaigns in special categories."""
    cdef Candidate *rows = c.rows.data()
    cdef Line *lines = view.lines.data()
    cdef Line *line
    cdef size_t i, n = c.rows.size(), first = c.calls.size(), count
    cdef uint32_t wanted = 0
    cdef uint32_t *shared
    cdef uint32_t *own
    cdef double *scores
    cdef double *ctr
    cdef double *cvr
    cdef double *shadow
    for i in range(n):
        line = &lines[rows[i].line]
        if rows[i].imp != imp or not line.predictions or line.special != special:
            continue
        rows[i].scored = <int32_t>c.calls.size()
        wanted |= line.predictions
        c.calls.push_back(c.n_calls)
        c.own.resize(c.calls.size() * N_OWN)
        own_values(view, person, &rows[i], c.own.data() + (c.calls.size() - 1) * N_OWN)
    count = c.calls.size() - first
    if not count:
        return
    c.n_calls = c.n_calls + 1
    c.shared.insert(c.shared.end(), common, common + N_SHARED)
    shared = c.shared.data() + (c.n_calls - 1) * N_SHARED
    if special:
        blank_protected(shared)
    own = c.own.data() + first * N_OWN
    if models.scores.size() < 3 * count:
        models.scores.resize(3 * count)
    scores = models.scores.data()
    ctr, cvr, shadow = scores, scores + count, scores + 2 * count
    if models.ctr is not None:
        models.ctr.score(shared, own, <Py_ssize_t>count, ctr)
    if models.cvr is not None and wanted & CVR:
        models.cvr.score(shared, own, <Py_ssize_t>count, cvr)
    if models.shadow is not None:
        models.shadow.score(shared, own, <Py_ssize_t>count, shadow)
    for i in range(n):
        if rows[i].scored < <int32_t>first:
            continue
        line = &lines[rows[i].line]
        count = <size_t>rows[i].scored - first
        rows[i].ctr = ctr[count] if models.ctr is not None else models.prior_ctr
        if line.predictions & CVR:
            rows[i].cvr = cvr[count] if models.cvr is not None else models.prior_cvr
        rows[i].shadow_ctr = shadow[count] if models.shadow is not None else 0.0
