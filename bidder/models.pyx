"""The models that a worker predicts with, and what it takes for likely where there is none."""

from libc.stdint cimport uint32_t

from openrtb.context cimport Context
from prediction.scorer cimport Scorer

from prediction.features import BID

PRIOR_CTR = 0.001
"""Of display ads about one impression in a thousand is clicked."""
PRIOR_CVR = 0.01
"""Of clicks about one in a hundred converts."""
LIVE = ("ctr", "cvr")
"""Targets that bids are made by."""


cdef class Models:
    """One object a worker; its models are exchanged between two requests, never while one is decided."""

    def __init__(self, double prior_ctr=PRIOR_CTR, double prior_cvr=PRIOR_CVR):
        if not 0 < prior_ctr < 1 or not 0 < prior_cvr < 1:
            raise ValueError(f"prior_ctr {prior_ctr}, prior_cvr {prior_cvr}: between 0 and 1 is allowed")
        self.prior_ctr, self.prior_cvr = prior_ctr, prior_cvr
        self.context = Context()
        self.context.forget()

    def put(self, str target not None, Scorer scorer, uint32_t version):
        """From here on ``target`` (``ctr``, ``cvr``, or ``shadow``: a model of clicks that decides nothing) is predicted by
        this; None: by none. Raises ValueError for a model of other features.
        """
        if scorer is not None and (scorer.n_shared, scorer.n_own) != (BID.n_shared, BID.n_own):
            raise ValueError(
                f"the model takes {scorer.n_shared} + {scorer.n_own} features, the bidder has {BID.n_shared} + {BID.n_own}"
            )
        version = version if scorer is not None else 0
        if target == "ctr":
            self.ctr, self.ctr_version = scorer, version
        elif target == "cvr":
            self.cvr, self.cvr_version = scorer, version
        elif target == "shadow":
            self.shadow, self.shadow_version = scorer, version
        else:
            raise ValueError(f"{target!r}: {', '.join(LIVE)} and shadow are predicted")
