"""Native ads: an ad is written anew for each kind of native request, and kept, because placements repeat theirs."""

from libc.stdint cimport int32_t

from bidder.markups cimport Markups

from openrtb.native_answer import answer

MOST_KEPT = 20_000
"""Answers; then all are forgotten, for who varies requests without end must not fill the memory."""


cdef class Natives:

    def __init__(self):
        self.markups = Markups()
        self.creatives = {}
        self.answers = {}

    def add(self, int place, creative):
        """Takes a creative of the view."""
        self.creatives[place] = creative

    cdef const char *misfit(self, int32_t ad, tuple request, int32_t *variant) noexcept:
        cdef object found = self.answers.get((ad, request))
        if found is None:
            found = self._answer(ad, request)
        if isinstance(found, bytes):
            return <bytes>found
        variant[0] = found
        return NULL

    def _answer(self, int32_t ad, tuple request):
        text, version = request
        answered = answer(text, self.creatives[ad], version)
        found = self.markups.add(answered.markup, 0) if answered.markup else answered.misfit.encode()
        self.answers[ad, request] = found
        return found

    def forget(self):
        """Between two requests."""
        if len(self.answers) > MOST_KEPT:
            self.answers.clear()
            self.markups.clear()
