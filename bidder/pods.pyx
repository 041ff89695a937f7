"""Pods: the ads of one break in a video or audio stream, chosen together (OpenRTB 2.6, 7.6).

The imps of one ``podid`` are a pod. A fixed slot (a structured pod, or that part of a hybrid one) takes one ad; a dynamic
imp takes as many as there is room for in ``poddur`` and ``maxseq``, each a bid of its own. Open bids and bids in deals do
not compete inside a dynamic imp, since they can all be won; in a fixed slot the best bid in each other deal is added.

Of all sets of bids that may stand side by side the one is taken that earns the most if all are won. It is found by going
through the pairs, dearest first, and leaving a branch as soon as a bound says that it cannot beat the best set known
(branch and bound). After `MOST_STEPS` the best set known is taken, or the one that takes the best price for a second
first, if that is more: what one greedy pass or the other finds, at least.

What may stand side by side is a matter of `stands`: room, what the line items and the seller keep apart, rivals, and, as
a line item can be in a pod several times, caps and leases for all bids of the response together.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libcpp.algorithm cimport sort
from libcpp.vector cimport vector
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from bidder.candidates cimport Candidate, Candidates, turn
from bidder.leases cimport Leases
from bidder.limits cimport billed, gross_amount
from bidder.neighbours cimport beside_a_rival, same_field
from bidder.seller cimport Seller
from bidder.view cimport Line, View, price_of
from openrtb.request cimport Imp, Player, Request
from targeting.record cimport capped, scope_line_item

from domain.campaign import ONE_PER_POD

cdef int LINE_ITEM = ONE_PER_POD.index("line_item")
cdef int CAMPAIGN = ONE_PER_POD.index("campaign")
cdef int ADVERTISER = ONE_PER_POD.index("advertiser")
cdef enum:
    BY_DOMAIN = 2          # 1 << of AdCOM's list "Pod Deduplication Settings"
    BY_CATEGORY = 4

MOST_ADS = 24
"""In one pod."""
MOST_STEPS = 4096
"""Pairs that are looked at for one pod."""
cdef int32_t ADS = MOST_ADS
cdef int32_t STEPS = MOST_STEPS
cdef int64_t ENDLESS = <int64_t>1 << 40

cdef struct Entry:          # a pair in the order in which it is tried
    int64_t price
    uint64_t turn
    uint64_t key            # of all entries of a key no more than one is chosen
    int32_t row             # place in Candidates.rows
    int32_t seconds


cdef bint dearer(const Entry &one, const Entry &other) noexcept nogil:
    if one.price != other.price:
        return one.price > other.price
    return one.turn > other.turn if one.turn != other.turn else one.row < other.row


cdef bint denser(const Entry &one, const Entry &other) noexcept nogil:
    """By price for a second."""
    cdef double left = <double>one.price * other.seconds, right = <double>other.price * one.seconds
    return left > right if left != right else dearer(one, other)


cdef class Search:
    """The working memory of the choice, used again for every pod."""
    cdef vector[Entry] entries
    cdef vector[int64_t] bounds   # [entry][n]: no n of the entries from there on are worth more
    cdef vector[double] densest   # [entry]: the best price for a second from there on
    cdef vector[int32_t] now, best
    cdef int64_t worth
    cdef int32_t steps, width
    cdef const uint8_t *person
    cdef Py_ssize_t person_size

    cdef void bound(self, int32_t most) noexcept nogil:
        """Fills ``bounds`` and ``densest``, from the last entry to the first: each is dearer than what is behind it."""
        cdef vector[int64_t] prices
        cdef vector[uint64_t] keys
        cdef int32_t n = <int32_t>self.entries.size(), at, i, known
        cdef double density
        self.width = most + 1
        self.bounds.assign(<size_t>(n + 1) * self.width, 0)
        self.densest.assign(n + 1, 0.0)
        for at in range(n - 1, -1, -1):
            known = -1
            for i in range(<int32_t>keys.size()):
                if keys[i] == self.entries[at].key:
                    known = i
            if known >= 0:
                keys.erase(keys.begin() + known)
                prices.erase(prices.begin() + known)
            elif <int32_t>keys.size() == most:
                keys.pop_back()
                prices.pop_back()
            keys.insert(keys.begin(), self.entries[at].key)
            prices.insert(prices.begin(), self.entries[at].price)
            for i in range(1, self.width):
                self.bounds[at * self.width + i] = self.bounds[at * self.width + i - 1] + (
                    prices[i - 1] if i <= <int32_t>prices.size() else 0
                )
            density = <double>self.entries[at].price / max(1, self.entries[at].seconds)
            self.densest[at] = density if density > self.densest[at + 1] else self.densest[at + 1]

    cdef void note(self, int64_t worth) noexcept nogil:
        if worth > self.worth:
            self.worth, self.best = worth, self.now

    cdef void descend(
        self, int32_t start, int64_t worth, int32_t ads, int64_t seconds,
        Candidates c, View view, Seller seller, Leases leases, Request r,
    ) noexcept nogil:
        """Tries all that can be added from entry ``start`` on, with room for so many ads, and seconds if these are what
        is short.
        """
        cdef int32_t at
        cdef Candidate *row
        self.note(worth)
        if ads == 0:
            return
        for at in range(start, <int32_t>self.entries.size()):
            self.steps -= 1
            if self.steps < 0 or worth + self.bounds[at * self.width + ads] <= self.worth:
                return
            if <double>worth + self.densest[at] * <double>seconds + 1.0 < <double>self.worth:
                return
            row = &c.rows[self.entries[at].row]
            if not stands(c, view, seller, leases, r, row, self, False):
                continue
            c.chosen.push_back(row[0])
            self.now.push_back(self.entries[at].row)
            self.descend(
                at + 1, worth + self.entries[at].price, ads - 1, seconds - self.entries[at].seconds,
                c, view, seller, leases, r,
            )
            self.now.pop_back()
            c.chosen.pop_back()

    cdef void take_densest(
        self, Candidates c, View view, Seller seller, Leases leases, Request r
    ) noexcept nogil:
        """One pass, best price for a second first."""
        cdef size_t before = c.chosen.size()
        cdef int64_t worth = 0
        cdef int32_t at
        cdef Candidate *row
        sort(self.entries.begin(), self.entries.end(), &denser)
        for at in range(<int32_t>self.entries.size()):
            row = &c.rows[self.entries[at].row]
            if stands(c, view, seller, leases, r, row, self, False):
                c.chosen.push_back(row[0])
                self.now.push_back(self.entries[at].row)
                worth += row.price
        self.note(worth)
        self.now.clear()
        c.chosen.resize(before)


cdef Search SEARCH = Search()  # a worker decides one request at a time


cdef uint64_t pod_of(Request r, int32_t place) noexcept nogil:
    cdef size_t i
    for i in range(r.imps.size()):
        if r.imps[i].place == place and r.imps[i].pod:
            return r.imps[i].pod
    return 0


cdef bint opens_pod(Request r, int32_t place, uint64_t pod) noexcept nogil:
    cdef size_t i
    for i in range(r.imps.size()):
        if r.imps[i].place < place and pod_of(r, r.imps[i].place) == pod:
            return False
    return True


cdef inline int32_t seconds_of(View view, Candidate *row) noexcept nogil:
    """Begun, as ``dur`` tells them in the bid."""
    return <int32_t>((view.ads[row.ad].length_ms + 999) // 1000)


cdef inline uint64_t key_of(View view, Candidate *row) noexcept nogil:
    """What there is at most one of in a pod, as far as one number can say it."""
    cdef Line *line = &view.lines[row.line]
    if line.one_per_pod < LINE_ITEM:
        return <uint64_t>row.ad
    if line.one_per_pod < ADVERTISER:
        return (<uint64_t>1 << 32) | <uint32_t>row.line
    return (<uint64_t>2 << 32) | line.advertiser


cdef bint kept_apart(View view, uint64_t dedupe, Candidate *one, Candidate *other) noexcept nogil:
    """May these two not be in one pod, by what line items or the seller (``poddedupe``) say?"""
    cdef Line *a = &view.lines[one.line]
    cdef Line *b = &view.lines[other.line]
    cdef int most = max(a.one_per_pod, b.one_per_pod)
    if one.ad == other.ad:
        return True
    if one.line == other.line and most >= LINE_ITEM:
        return True
    if a.campaign == b.campaign and most >= CAMPAIGN:
        return True
    if a.advertiser == b.advertiser and most >= ADVERTISER:
        return True
    if (dedupe & BY_DOMAIN) and same_domain(view, one.ad, other.ad):
        return True
    if (dedupe & BY_CATEGORY) == 0:
        return False
    return same_field(
        &view.brands.rows[view.ads[one.ad].brand], &view.brands.rows[view.ads[other.ad].brand], view.brands
    )


cdef inline bint same_domain(View view, int32_t one, int32_t other) noexcept nogil:
    return view.brands.names[view.brands.rows[view.ads[one].brand].domains] == (
        view.brands.names[view.brands.rows[view.ads[other].brand].domains]
    )


cdef bint over_cap(View view, Candidates c, Request r, Candidate *row, Search s, bint alternative) noexcept nogil:
    """Would a cap of this person be exceeded if all that is chosen were seen too?"""
    cdef Line *line = &view.lines[row.line]
    cdef Candidate *chosen
    cdef int64_t others
    cdef int32_t k
    cdef size_t i
    for k in range(line.caps, line.caps + line.n_caps):
        others = 0
        for i in range(c.chosen.size()):
            chosen = &c.chosen[i]
            if alternative and r.imps[chosen.imp].place == r.imps[row.imp].place:
                continue
            if chosen.line == row.line or (
                view.caps[k].scope != scope_line_item(line.id) and view.lines[chosen.line].campaign == line.campaign
            ):
                others += 1
        if others and capped(
            s.person, s.person_size, view.caps[k].scope, view.caps[k].impressions - others, view.caps[k].seconds,
            r.now_ns // 1_000_000_000,
        ):
            return True
    return False


cdef bint stands(
    Candidates c, View view, Seller seller, Leases leases, Request r, Candidate *row, Search s, bint alternative
) noexcept nogil:
    """Can this pair be bid beside all that is chosen? ``alternative``: in the place of what is chosen on its imp."""
    cdef Imp *imp = &r.imps[row.imp]
    cdef Imp *other
    cdef Player *player
    cdef Candidate *chosen
    cdef int64_t seconds = 0, amount = 0
    cdef int32_t ads = 0, bids = 0
    cdef size_t i
    for i in range(c.chosen.size()):
        chosen = &c.chosen[i]
        other = &r.imps[chosen.imp]
        if other.place == imp.place:
            if alternative:
                if chosen.line == row.line:
                    return False
                continue
            if chosen.imp != row.imp or not imp.dynamic or (row.slot and chosen.slot == row.slot):
                return False
            ads += 1
            seconds += seconds_of(view, chosen)
        if imp.pod and imp.pod == other.pod:
            if kept_apart(view, imp.dedupe | other.dedupe, row, chosen):
                return False
        elif chosen.line == row.line and not (imp.pod and other.pod):
            return False
        if chosen.line == row.line:
            bids += 1
            amount += gross_amount(billed(chosen.price, seller, r, chosen.imp), price_of(view, seller, row.line))
    if imp.dynamic:
        player = &r.players[imp.detail]
        if (player.pod_ads > 0 and ads >= player.pod_ads) or seconds + seconds_of(view, row) > player.pod_s:
            return False
    if bids:
        amount += gross_amount(billed(row.price, seller, r, row.imp), price_of(view, seller, row.line))
        if not leases.covers_all(view.lines[row.line].lease, amount, bids + 1):
            return False
    if view.lines[row.line].n_caps and over_cap(view, c, r, row, s, alternative):
        return False
    return not (view.separating and beside_a_rival(c, view, r, row))


cdef bint promised(Candidates c, Request r, int32_t place) noexcept nogil:
    """Was a bid in a guaranteed deal chosen for this imp?"""
    cdef size_t i
    for i in range(c.chosen.size()):
        if r.imps[c.chosen[i].imp].place == place and c.chosen[i].deal >= 0 and r.deals[c.chosen[i].deal].guaranteed:
            return True
    return False


cdef bint eligible(Candidates c, View view, Request r, Candidate *row, uint64_t pod, bint guaranteed) noexcept nogil:
    if view.lines[row.line].roadblock or pod_of(r, r.imps[row.imp].place) != pod:
        return False
    if (row.deal >= 0 and r.deals[row.deal].guaranteed) != guaranteed:
        return False
    return r.imps[row.imp].dynamic or guaranteed or not promised(c, r, r.imps[row.imp].place)


cdef int32_t room_for(Search s, Request r, uint64_t pod, int64_t *seconds) noexcept nogil:
    """How many ads the pod takes at most; and in how many seconds, if it is dynamic in all its parts."""
    cdef int32_t ads = 0, here, shortest = 0x7FFFFFFF, place = -1
    cdef Player *player
    cdef size_t i
    for i in range(s.entries.size()):
        shortest = min(shortest, max(1, s.entries[i].seconds))
    seconds[0] = 0
    for i in range(r.imps.size()):
        if pod_of(r, r.imps[i].place) != pod:
            continue
        if r.imps[i].dynamic:
            player = &r.players[r.imps[i].detail]
            here = min(player.pod_s // shortest, player.pod_ads if player.pod_ads > 0 else ADS)
            seconds[0] += player.pod_s
        else:
            here = 1
            seconds[0] += ENDLESS
        ads = min(ADS, ads + here)
    return ads


cdef int fill_pod(
    Candidates c, View view, Seller seller, Leases leases, Request r, uint64_t pod, bint guaranteed
) except -1:
    cdef Search s = SEARCH
    cdef bytes record = r.record
    cdef Entry entry
    cdef int64_t seconds = 0
    cdef int32_t ads, place
    cdef size_t i
    s.person = <const uint8_t *>PyBytes_AS_STRING(record) if record is not None else NULL
    s.person_size = PyBytes_GET_SIZE(record) if record is not None else 0
    s.entries.clear()
    for i in range(c.rows.size()):
        if eligible(c, view, r, &c.rows[i], pod, guaranteed):
            entry.price, entry.turn = c.rows[i].price, turn(r.hash, &c.rows[i])
            entry.key, entry.row = key_of(view, &c.rows[i]), <int32_t>i
            entry.seconds = seconds_of(view, &c.rows[i])
            s.entries.push_back(entry)
    if s.entries.empty():
        return 0
    sort(s.entries.begin(), s.entries.end(), &dearer)
    ads = room_for(s, r, pod, &seconds)
    s.bound(ads)
    s.worth, s.steps = 0, STEPS
    s.best.clear()
    s.now.clear()
    s.descend(0, 0, ads, seconds, c, view, seller, leases, r)
    if s.steps < 0:
        c.cut_short = True
        s.take_densest(c, view, seller, leases, r)
    for place in range(<int32_t>len(r.imp_ids)):  # in the order of the request
        for i in range(s.best.size()):
            if r.imps[c.rows[s.best[i]].imp].place == place:
                c.chosen.push_back(c.rows[s.best[i]])
    add_alternatives(c, view, seller, leases, r, pod, guaranteed)
    return 0


cdef void add_alternatives(
    Candidates c, View view, Seller seller, Leases leases, Request r, uint64_t pod, bint guaranteed
) noexcept nogil:
    """On fixed slots the best bid in the open auction and in each deal, where there is none of it yet: the exchange
    chooses between them.
    """
    cdef Candidate *row
    cdef Candidate *best
    cdef int32_t imp, deal, at
    cdef size_t i
    for imp in range(<int32_t>r.imps.size()):
        if not r.imps[imp].n_deals or is_dynamic(r, r.imps[imp].place) or pod_of(r, r.imps[imp].place) != pod:
            continue
        if imp and r.imps[imp - 1].place == r.imps[imp].place:
            continue  # another format of the same
        for deal in range(-1, r.imps[imp].n_deals):
            at = -1 if deal < 0 else r.imps[imp].deals + deal
            if bid_in(c, r, r.imps[imp].place, at):
                continue
            best = NULL
            for i in range(c.rows.size()):
                row = &c.rows[i]
                if row.deal != at or r.imps[row.imp].place != r.imps[imp].place:
                    continue
                if not eligible(c, view, r, row, pod, guaranteed):
                    continue
                if best is not NULL and row.price < best.price:
                    continue
                if best is not NULL and row.price == best.price and turn(r.hash, row) <= turn(r.hash, best):
                    continue
                if stands(c, view, seller, leases, r, row, SEARCH, True):
                    best = row
            if best is not NULL:
                c.chosen.push_back(best[0])


cdef bint is_dynamic(Request r, int32_t place) noexcept nogil:
    """Does any format of this imp take several ads?"""
    cdef size_t i
    for i in range(r.imps.size()):
        if r.imps[i].place == place and r.imps[i].dynamic:
            return True
    return False


cdef bint bid_in(Candidates c, Request r, int32_t place, int32_t deal) noexcept nogil:
    """Is there a bid on this imp in this deal (-1: in the open auction)?"""
    cdef size_t i
    for i in range(c.chosen.size()):
        if c.chosen[i].deal == deal and r.imps[c.chosen[i].imp].place == place:
            return True
    return False
