"""Native ads: an ad is written anew for each kind of native request, and kept, because placements repeat theirs."""

import logging

from libc.stdint cimport int32_t

from bidder.markups cimport Markups

MOST_KEPT = 20_000
"""Answers; then all are forgotten, for who varies requests without end must not fill the memory."""

logger = logging.getLogger(__name__)


cdef class Natives:

    def __init__(self):
        self.markups = Markups()
        self.creatives = {}
        self.answers = {}

    def add(self, int place, creative):
        """Takes a creative of the view."""
        self.creatives[place] = creative

    cdef const char *misfit(self, int32_t ad, str request, int32_t *variant) noexcept:
        cdef object found = self.answers.get((ad, request))
        if found is None:
            found = self._answer(ad, request)
        if isinstance(found, bytes):
            return <bytes>found
        variant[0] = found
        return NULL

    def _answer(self, int32_t ad, str request):
        from openrtb.native import Unfit, answer
        try:
            found = self.markups.add(answer(self.creatives[ad], request), 0)
        except Unfit as unfit:
            found = str(unfit).encode()
        except Exception:
            logger.exception("native request %r", request[:2000])
            found = b"its native request cannot be answered"
        self.answers[ad, request] = found
        return found

    def forget(self):
        """Between two requests."""
        if len(self.answers) > MOST_KEPT:
            self.answers.clear()
            self.markups.clear()
