"""The frequency counters of one person while they are changed: what `targeting.record` holds of each scope.

A scope keeps the exact times of its newest impressions, and how many there were before these in each hour of the epoch.
Impressions may come in any order: the same ones always leave the same counters.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy
from libcpp.vector cimport vector

from targeting.record cimport HOUR, SCOPE, TIME, Parts, u16, u32

from targeting import record

cdef int64_t KEPT_S = record.MAX_SECONDS
cdef int32_t EXACT = record.EXACT_IMPRESSIONS
cdef size_t MOST_SCOPES = record.MAX_SCOPES
cdef size_t MOST_ENTRIES = record.MAX_ENTRIES


cdef class Counters:
    """Rows of scopes in ascending order, their times and their hours."""

    cdef void clear(self) noexcept nogil:
        self.scopes.clear()
        self.times.clear()
        self.hours.clear()

    cdef bint read(self, Parts *parts) noexcept nogil:
        """Takes a record's counters over. False: they contradict its header, and there are none."""
        cdef const uint8_t *at
        cdef int32_t i, end, last, begin = 0, first = 0
        self.clear()
        for i in range(parts.n_scopes):
            at = parts.scopes + SCOPE * i
            end, last = u16(at + 4), u16(at + 6)
            if not (begin < end <= parts.n_times and first <= last <= parts.n_hours):
                self.scopes.clear()
                return False
            self.scopes.push_back(ScopeRow(u32(at), end - begin, last - first))
            begin, first = end, last
        self.times.resize(begin)
        self.hours.resize(first)
        memcpy(self.times.data(), parts.times, TIME * begin)
        memcpy(self.hours.data(), parts.hours, HOUR * first)
        return True

    cdef uint8_t *write(self, uint8_t *at) noexcept nogil:
        """Writes them as they lie in a record; returns where they end."""
        cdef size_t i
        cdef uint32_t end = 0, last = 0
        cdef uint16_t ends[2]
        for i in range(self.scopes.size()):
            end += self.scopes[i].n_times
            last += self.scopes[i].n_hours
            ends[0], ends[1] = <uint16_t>end, <uint16_t>last
            memcpy(at, &self.scopes[i].scope, 4)
            memcpy(at + 4, ends, 4)
            at += SCOPE
        memcpy(at, self.times.data(), TIME * self.times.size())
        at += TIME * self.times.size()
        memcpy(at, self.hours.data(), HOUR * self.hours.size())
        return at + HOUR * self.hours.size()

    cdef size_t place_of(self, uint32_t scope) noexcept nogil:
        """Place of the first row that is not before ``scope``."""
        cdef size_t low = 0, high = self.scopes.size(), middle
        while low < high:
            middle = (low + high) >> 1
            if self.scopes[middle].scope < scope:
                low = middle + 1
            else:
                high = middle
        return low

    cdef void ahead_of(self, size_t place, size_t *n_times, size_t *n_hours) noexcept nogil:
        """How many times and hours lie before those of a row."""
        cdef size_t i
        n_times[0] = n_hours[0] = 0
        for i in range(place):
            n_times[0] += self.scopes[i].n_times
            n_hours[0] += self.scopes[i].n_hours

    cdef void count(self, uint32_t scope, uint32_t at) noexcept nogil:
        """One impression in one scope."""
        cdef size_t place = self.place_of(scope), begin, first, spot
        cdef uint32_t hour
        cdef ScopeRow *row
        if place == self.scopes.size() or self.scopes[place].scope != scope:
            self.scopes.insert(self.scopes.begin() + place, ScopeRow(scope, 0, 0))
        self.ahead_of(place, &begin, &first)
        row = &self.scopes[place]
        spot = begin + row.n_times
        while spot > begin and self.times[spot - 1] > at:
            spot -= 1
        self.times.insert(self.times.begin() + spot, at)
        row.n_times += 1
        if row.n_times <= EXACT:
            return
        hour = self.times[begin] // 3600
        self.times.erase(self.times.begin() + begin)
        row.n_times -= 1
        spot = first + row.n_hours
        while spot > first and self.hours[spot - 1] >> 12 > hour:
            spot -= 1
        if spot > first and self.hours[spot - 1] >> 12 == hour:
            if (self.hours[spot - 1] & 0xFFF) < 0xFFF:
                self.hours[spot - 1] = self.hours[spot - 1] + 1
        else:
            self.hours.insert(self.hours.begin() + spot, hour << 12 | 1)
            row.n_hours += 1

    cdef void trim(self) noexcept nogil:
        """Forgets what no cap can ask about any more, and the scopes shown longest ago if there are too many."""
        cdef size_t i, k, begin = 0, first = 0, n_times = 0, n_hours = 0, kept = 0, oldest
        cdef ScopeRow row
        cdef int64_t since = -KEPT_S
        for i in range(self.scopes.size()):
            begin += self.scopes[i].n_times
            since = max(since, <int64_t>self.times[begin - 1] - KEPT_S)
        begin = 0
        for i in range(self.scopes.size()):
            row = self.scopes[i]
            self.scopes[kept] = ScopeRow(row.scope, 0, 0)
            for k in range(begin, begin + row.n_times):
                if self.times[k] > since:
                    self.times[n_times] = self.times[k]
                    n_times += 1
                    self.scopes[kept].n_times = self.scopes[kept].n_times + 1
            for k in range(first, first + row.n_hours):
                # What is in hours is older than all times: it goes with the first of these.
                if self.scopes[kept].n_times == row.n_times and (<int64_t>(self.hours[k] >> 12) + 1) * 3600 - 1 > since:
                    self.hours[n_hours] = self.hours[k]
                    n_hours += 1
                    self.scopes[kept].n_hours = self.scopes[kept].n_hours + 1
            begin += row.n_times
            first += row.n_hours
            if self.scopes[kept].n_times:
                kept += 1
        self.scopes.resize(kept)
        self.times.resize(n_times)
        self.hours.resize(n_hours)
        while self.scopes.size() > MOST_SCOPES or (
            self.scopes.size() > 1 and self.times.size() + self.hours.size() > MOST_ENTRIES
        ):
            oldest = begin = 0
            since = <int64_t>1 << 33
            for i in range(self.scopes.size()):
                begin += self.scopes[i].n_times
                if self.times[begin - 1] < since:
                    since, oldest = self.times[begin - 1], i
            self.drop(oldest)

    cdef void drop(self, size_t place) noexcept nogil:
        cdef size_t begin, first
        self.ahead_of(place, &begin, &first)
        self.times.erase(self.times.begin() + begin, self.times.begin() + begin + self.scopes[place].n_times)
        self.hours.erase(self.hours.begin() + first, self.hours.begin() + first + self.scopes[place].n_hours)
        self.scopes.erase(self.scopes.begin() + place)

    cdef void adopt(self, Counters other) noexcept nogil:
        """Takes over the scopes that only ``other`` has."""
        cdef size_t i, k, place, begin = 0, first = 0, n_times, n_hours
        cdef ScopeRow row
        for i in range(other.scopes.size()):
            row = other.scopes[i]
            place = self.place_of(row.scope)
            if place == self.scopes.size() or self.scopes[place].scope != row.scope:
                self.ahead_of(place, &n_times, &n_hours)
                self.scopes.insert(self.scopes.begin() + place, row)
                for k in range(row.n_times):
                    self.times.insert(self.times.begin() + n_times + k, other.times[begin + k])
                for k in range(row.n_hours):
                    self.hours.insert(self.hours.begin() + n_hours + k, other.hours[first + k])
            begin += row.n_times
            first += row.n_hours
        self.trim()

    cdef void unite(self, Counters other) noexcept nogil:
        """Adds all impressions of ``other``, of scopes that both have too: as if all of them had been counted here."""
        cdef vector[ScopeRow] scopes
        cdef vector[uint32_t] times, hours
        cdef ScopeRow mine, theirs
        cdef uint32_t scope, at
        cdef int32_t a, b, n, total
        cdef size_t i = 0, k = 0, begin = 0, first = 0, begin_there = 0, first_there = 0, since
        while i < self.scopes.size() or k < other.scopes.size():
            if k == other.scopes.size() or (i < self.scopes.size() and self.scopes[i].scope < other.scopes[k].scope):
                scope = self.scopes[i].scope
            else:
                scope = other.scopes[k].scope
            mine, theirs = ScopeRow(scope, 0, 0), ScopeRow(scope, 0, 0)
            if i < self.scopes.size() and self.scopes[i].scope == scope:
                mine = self.scopes[i]
                i += 1
            if k < other.scopes.size() and other.scopes[k].scope == scope:
                theirs = other.scopes[k]
                k += 1
            since = hours.size()
            for n in range(mine.n_hours):
                hours.push_back(self.hours[first + n])
            for n in range(theirs.n_hours):
                at = other.hours[first_there + n]
                add_hour(hours, since, at >> 12, at & 0xFFF)
            a = b = 0
            total = mine.n_times + theirs.n_times
            for n in range(total):
                if b == theirs.n_times or (a < mine.n_times and self.times[begin + a] <= other.times[begin_there + b]):
                    at = self.times[begin + a]
                    a += 1
                else:
                    at = other.times[begin_there + b]
                    b += 1
                if n < total - EXACT:
                    add_hour(hours, since, at // 3600, 1)
                else:
                    times.push_back(at)
            begin += mine.n_times
            first += mine.n_hours
            begin_there += theirs.n_times
            first_there += theirs.n_hours
            scopes.push_back(ScopeRow(scope, min(total, EXACT), <int32_t>(hours.size() - since)))
        self.scopes.swap(scopes)
        self.times.swap(times)
        self.hours.swap(hours)
        self.trim()


cdef inline void add_hour(vector[uint32_t] &hours, size_t since, uint32_t hour, uint32_t count) noexcept nogil:
    """Adds impressions to an hour of the last scope, whose hours begin at ``since``."""
    cdef size_t spot = hours.size()
    while spot > since and hours[spot - 1] >> 12 > hour:
        spot -= 1
    if spot > since and hours[spot - 1] >> 12 == hour:
        hours[spot - 1] = hour << 12 | min((hours[spot - 1] & 0xFFF) + count, <uint32_t>0xFFF)
    else:
        hours.insert(hours.begin() + spot, hour << 12 | count)
