"""Facts of a bid request that only targeting asks for: read when a live line item wants one of them, and not before.

``ext.data`` of site, app, user and imp (first-party data as publishers send it) is no field of the specification; keys with
texts, whole numbers or lists of them become ``key=value``.
"""


cdef class Context:

    cdef int forget(self) except -1:
        self.make = self.model = self.carrier = self.metro = self.postcode = self.os_version = 0
        self.connection = self.utc_offset = self.year_of_birth = 0
        self.located = self.clocked = self.ifa = self.buyeruid = self.user_id = False
        self.latitude = self.longitude = 0
        self.page = None
        self.content_language = self.content_rating = self.gender = 0
        self.genres.clear()
        self.keywords.clear()
        self.pairs.clear()
        self.user_keywords.clear()
        self.user_pairs.clear()
        self.sources.clear()
        self.imps.clear()
        self.imp_pairs.clear()
        return 0

    cdef int close(self) except -1:
        """What is out of any range is not told."""
        self.located = self.located and -90 <= self.latitude <= 90 and -180 <= self.longitude <= 180
        self.clocked = self.clocked and -1440 <= self.utc_offset <= 1440
        return 0

    def fields(self):
        """All that was read, as plain values: for comparing two ways of reading."""
        return {
            "make": self.make, "model": self.model, "carrier": self.carrier, "metro": self.metro,
            "postcode": self.postcode, "os_version": self.os_version, "connection": self.connection,
            "place": (self.latitude, self.longitude) if self.located else None,
            "utc_offset": self.utc_offset if self.clocked else None, "ifa": self.ifa, "page": self.page,
            "content_language": self.content_language, "content_rating": self.content_rating,
            "genres": sorted(self.genres), "keywords": sorted(self.keywords), "pairs": sorted(self.pairs),
            "buyeruid": self.buyeruid, "user_id": self.user_id, "year_of_birth": self.year_of_birth,
            "gender": self.gender, "user_keywords": sorted(self.user_keywords), "user_pairs": sorted(self.user_pairs),
            "sources": sorted(self.sources), "imps": [dict(imp) for imp in self.imps],
            "imp_pairs": list(self.imp_pairs),
        }
