# cython: overflowcheck=False
"""Bids in flight, held against frequency caps until their impression is counted, they are lost, or they expire.

One table a host, in a file that all bidder workers and the tracker map. A cap holds where the impressions counted in a
record and the bids held here are together no more than it allows, so neither of them may be missed, whoever does what
at the same time:

- A worker holds a bid first and looks at the table afterwards. Of two that do so at once at least one sees the other's;
  who sees too many withdraws.
- An impression is counted in the record first, and its hold let go afterwards. The hold stays as COUNTED for a while:
  a worker passes it over only if it read the record after the hold was let go.

There is no lock. A slot belongs to whoever exchanges its word (compare and swap) for CLAIMED, and is in the table when
the word becomes LIVE; the version in it rises with every change, so that nobody acts on a slot that has become another
bid's. A process that is killed at any instant leaves holds that expire and, between these two steps, a slot that is out
of use for an hour. Nothing is allocated: a key's holds lie in its bucket of seven or, if that is full, in the buckets
behind it, and the bucket remembers how far one must look, until those have expired.

Times are of CLOCK_MONOTONIC, in ticks of 2^20 ns (1.05 ms), rounded to the side of a longer hold. They start anew with
the machine, and so does the table.
"""

import fcntl
import mmap
import os
from contextlib import suppress
from pathlib import Path

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libcpp.vector cimport vector

cdef extern from *:
    """
    #include <time.h>
    #include <stdint.h>
    static inline uint64_t held_load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
    static inline void held_store(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }
    static inline uint64_t held_peek(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
    static inline void held_poke(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }
    static inline int held_swap(uint64_t *p, uint64_t was, uint64_t becomes) {
        return __atomic_compare_exchange_n(p, &was, becomes, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    static inline void held_prefetch(const void *p) { __builtin_prefetch(p, 1); }
    static inline void held_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
    static inline int64_t held_clock(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    }
    """
    uint64_t load "held_load"(const uint64_t *place) noexcept nogil
    void store "held_store"(uint64_t *place, uint64_t value) noexcept nogil
    uint64_t peek "held_peek"(const uint64_t *place) noexcept nogil
    void poke "held_poke"(uint64_t *place, uint64_t value) noexcept nogil
    bint swap "held_swap"(uint64_t *place, uint64_t was, uint64_t becomes) noexcept nogil
    void prefetch "held_prefetch"(const void *place) noexcept nogil
    void fence "held_fence"() noexcept nogil
    int64_t clock_ns "held_clock"() noexcept nogil

LINGER_S = 10
"""How long a counted hold stays for those who read the record before; nobody may decide on an older one."""
SHOWN_S = 3_600
"""How long an impression is held that was reported and is not counted yet: as long as the store can be out of order."""
CLAIM_S = 3_600
DEFAULT_HOLDS = 917_504
MAGIC = b"outbid holds 1\n\0"
HEAD = mmap.PAGESIZE

cdef enum State:
    FREE
    CLAIMED                   # somebody is writing it; until then nobody else may
    LIVE                      # a bid that can still be shown, until its time
    SHOWN                     # its impression was reported and is about to be counted
    COUNTED                   # at its time

cdef enum:
    STATE_BITS = 3
    VERSION_BITS = 20
    TIME_AT = STATE_BITS + VERSION_BITS
    TICK = 20

cdef uint64_t VERSIONS = ((<uint64_t>1 << VERSION_BITS) - 1) << STATE_BITS
cdef uint64_t LINGER = (<uint64_t>10 * 1_000_000_000 >> TICK) + 1
cdef uint64_t CLAIM = (<uint64_t>3_600 * 1_000_000_000 >> TICK) + 1
assert sizeof(Bucket) == 320 and (LINGER_S, CLAIM_S) == (10, 3_600)


cdef int64_t monotonic_ns() noexcept nogil:
    return clock_ns()


cdef inline uint64_t tick_of(int64_t ns) noexcept nogil:
    return <uint64_t>ns >> TICK


cdef inline uint64_t ticks(int64_t seconds) noexcept nogil:
    return (<uint64_t>seconds * 1_000_000_000 >> TICK) + 1


cdef inline uint64_t state_of(uint64_t word) noexcept nogil:
    return word & ((1 << STATE_BITS) - 1)


cdef inline uint64_t time_of(uint64_t word) noexcept nogil:
    return word >> TIME_AT


cdef inline uint64_t next_word(uint64_t word, int state, uint64_t tick) noexcept nogil:
    """The word that follows on another: its version is one higher."""
    cdef uint64_t version = (word + ((<uint64_t>1) << STATE_BITS)) & VERSIONS
    return tick << TIME_AT | version | <uint64_t>state


cdef inline bint is_free(uint64_t word, uint64_t now) noexcept nogil:
    cdef uint64_t state = state_of(word)
    if state == FREE:
        return True
    if state == COUNTED:
        return now >= time_of(word) + LINGER
    return now >= time_of(word)


cdef inline bint holds_something(uint64_t word, uint64_t now, uint64_t known) noexcept nogil:
    """Does it count for somebody whose record is as of tick ``known``?"""
    cdef uint64_t state = state_of(word)
    if state == LIVE or state == SHOWN:
        return now < time_of(word)
    return state == COUNTED and time_of(word) >= known


cdef void name_bid(uint64_t *place, uint64_t bid) noexcept nogil:
    store(place, bid)


cdef inline Bucket *bucket_of(Holds table, uint64_t key, uint64_t distance) noexcept nogil:
    return &table.buckets[((key * <uint64_t>0x9E3779B97F4A7C15 >> table.shift) + distance) & table.mask]


cdef inline uint64_t last_distance(Holds table, uint64_t key, uint64_t now) noexcept nogil:
    cdef uint64_t reach = load(&bucket_of(table, key, 0).reach)
    return reach & 0xFF if reach >> 8 > now else 0


cdef class Holds:
    """``directory`` None: memory of this process alone, for tests. ``holds``: how many there is room for, rounded up to
    seven times a power of two; what the file was made for counts, if it is there already.

    Keys are those of records (`targeting.profiles`): of a person, a device or a household.
    """

    def __init__(self, directory: Path | None = None, holds: int = DEFAULT_HOLDS):
        cdef uint8_t[::1] raw
        buckets = 1 << max(6, (-(-holds // SLOTS) - 1).bit_length())
        if directory is None:
            self.memory = mmap.mmap(-1, HEAD + buckets * sizeof(Bucket))
        else:
            directory.mkdir(parents=True, exist_ok=True)
            self.memory, buckets = mapped(directory, buckets)
        raw = self.memory
        self.buckets = <Bucket *>&raw[HEAD]
        self.frozen_ns = 0
        self.mask = <uint64_t>buckets - 1
        self.shift = 64 - (<int>buckets.bit_length() - 1)

    def close(self) -> None:
        """Nothing may be asked of it any more."""
        self.buckets = NULL
        self.memory = None

    cdef int64_t now(self) noexcept nogil:
        return self.frozen_ns if self.frozen_ns else clock_ns()

    @property
    def capacity(self) -> int:
        return (self.mask + 1) * SLOTS

    cdef void expect(self, uint64_t key) noexcept nogil:
        cdef const char *bucket = <const char *>bucket_of(self, key, 0)
        prefetch(bucket)
        prefetch(bucket + 64)
        prefetch(bucket + 128)
        prefetch(bucket + 192)

    cdef void gather(self, uint64_t key, int64_t known_ns, vector[Shown] &found) noexcept nogil:
        cdef uint64_t now = tick_of(self.now()), known = tick_of(known_ns), last, distance, word
        cdef Bucket *bucket
        cdef Shown shown
        cdef int slot
        fence()
        last = last_distance(self, key, now)
        for distance in range(last + 1):
            bucket = bucket_of(self, key, distance)
            for slot in range(SLOTS):
                if peek(&bucket.keys[slot]) != key:
                    continue
                while True:
                    word = load(&bucket.words[slot])
                    if not holds_something(word, now, known) or peek(&bucket.keys[slot]) != key:
                        break
                    shown = bucket.shown[slot]
                    fence()
                    if load(&bucket.words[slot]) == word:
                        found.push_back(shown)
                        break

    cdef uint64_t *take(self, uint64_t key, Shown *shown, uint64_t bid, int64_t seconds) noexcept nogil:
        return self.put(key, shown, bid, LIVE, ticks(seconds))

    cdef uint64_t *put(self, uint64_t key, Shown *shown, uint64_t bid, int state, uint64_t length) noexcept nogil:
        cdef uint64_t now = tick_of(self.now()), distance, word, claimed
        cdef Bucket *bucket
        cdef int slot
        for distance in range(min(<uint64_t>MOST_BUCKETS, self.mask + 1)):
            bucket = bucket_of(self, key, distance)
            for slot in range(SLOTS):
                word = peek(&bucket.words[slot])
                if not is_free(word, now):
                    continue
                claimed = next_word(word, CLAIMED, now + CLAIM)
                if not swap(&bucket.words[slot], word, claimed):
                    continue
                if distance:
                    self.reach(key, distance, now + length)
                poke(&bucket.keys[slot], key)
                poke(&bucket.bids[slot], bid)
                bucket.shown[slot] = shown[0]
                # The word makes it visible; what was written before is visible then, too.
                if swap(&bucket.words[slot], claimed, next_word(claimed, state, now + length)):
                    return &bucket.bids[slot]
        return NULL

    cdef void reach(self, uint64_t key, uint64_t distance, uint64_t until) noexcept nogil:
        """From now on those who look for holds of the key look so far, at least until ``until``."""
        cdef uint64_t *place = &bucket_of(self, key, 0).reach
        cdef uint64_t was, now = tick_of(self.now())
        until += LINGER
        while True:
            was = load(place)
            if was >> 8 > now:
                distance, until = max(distance, was & 0xFF), max(until, was >> 8)
            if swap(place, was, until << 8 | distance):
                return

    cdef void withdraw(self, uint64_t *bid) noexcept nogil:
        cdef size_t behind = <size_t>(<char *>bid - <char *>self.buckets)
        cdef Bucket *bucket = &self.buckets[behind // sizeof(Bucket)]
        cdef int slot = <int>(bid - &bucket.bids[0])
        store(&bucket.words[slot], next_word(load(&bucket.words[slot]), FREE, 0))

    cdef bint change(self, uint64_t key, uint64_t bid, bint reported, int into) noexcept nogil:
        """Of the key's hold for this bid: LIVE (and, if ``reported``, SHOWN) -> ``into``. False: there is none such."""
        cdef uint64_t now = tick_of(self.now()), last = last_distance(self, key, now), distance, word, becomes
        cdef Bucket *bucket
        cdef int slot
        for distance in range(last + 1):
            bucket = bucket_of(self, key, distance)
            for slot in range(SLOTS):
                while True:
                    word = load(&bucket.words[slot])
                    if state_of(word) != LIVE and not (reported and state_of(word) == SHOWN):
                        break
                    if peek(&bucket.keys[slot]) != key or peek(&bucket.bids[slot]) != bid:
                        break
                    if into == FREE:
                        becomes = next_word(word, FREE, 0)
                    elif into == COUNTED:
                        becomes = next_word(word, COUNTED, tick_of(self.now()) + 1)
                    else:
                        becomes = next_word(word, SHOWN, now + ticks(3_600))
                        if distance:
                            self.reach(key, distance, now + ticks(3_600))
                    if swap(&bucket.words[slot], word, becomes):
                        return True
        return False

    # for the tracker, tools and tests

    def hold(
        self, uint64_t key, uint32_t campaign, uint32_t line_item, uint32_t advertiser, uint32_t creative,
        uint64_t bid, int64_t seconds,
    ):
        """Holds a bid for ``seconds``. False: there is no room for it."""
        cdef Shown shown
        shown.ids[CAMPAIGN], shown.ids[LINE_ITEM] = campaign, line_item
        shown.ids[ADVERTISER], shown.ids[CREATIVE] = advertiser, creative
        return self.take(key, &shown, bid, seconds) is not NULL

    def show(
        self, uint64_t key, uint32_t campaign, uint32_t line_item, uint32_t advertiser, uint32_t creative, uint64_t bid,
    ):
        """The bid's impression was reported, and will be `counted`: it is held until then, whether or not its hold has
        expired meanwhile. False: there is no room for it.
        """
        cdef Shown shown
        shown.ids[CAMPAIGN], shown.ids[LINE_ITEM] = campaign, line_item
        shown.ids[ADVERTISER], shown.ids[CREATIVE] = advertiser, creative
        return self.change(key, bid, True, SHOWN) or self.put(key, &shown, bid, SHOWN, ticks(3_600)) is not NULL

    def counted(self, uint64_t key, uint64_t bid):
        """The bid's impression is in the record. False: it was not held, or was counted before."""
        return bool(self.change(key, bid, True, COUNTED))

    def lose(self, uint64_t key, uint64_t bid):
        """The bid was lost. False: it was not held, or its impression was reported, which says more."""
        return bool(self.change(key, bid, False, FREE))

    def settle(self):
        """Whatever was reported is counted: says the tracker once it has replayed its log. Returns how many were held
        still.
        """
        cdef uint64_t place, word
        cdef int slot, found = 0
        for place in range(self.mask + 1):
            for slot in range(SLOTS):
                word = load(&self.buckets[place].words[slot])
                if state_of(word) == SHOWN:
                    found += swap(
                        &self.buckets[place].words[slot], word, next_word(word, COUNTED, tick_of(self.now()) + 1)
                    )
        return found

    def forget(self, uint64_t key):
        """Lets go of all that is held of a key, and leaves no trace of it: slots that it had before are blanked, too.
        Looks at the whole table. Returns how many slots there were.
        """
        cdef uint64_t place, word, claimed, now = tick_of(self.now())
        cdef Bucket *bucket
        cdef int slot, found = 0
        for place in range(self.mask + 1):
            bucket = &self.buckets[place]
            for slot in range(SLOTS):
                while peek(&bucket.keys[slot]) == key:
                    word = load(&bucket.words[slot])
                    if state_of(word) == CLAIMED and now < time_of(word):
                        break  # somebody is writing there
                    claimed = next_word(word, CLAIMED, now + CLAIM)
                    if not swap(&bucket.words[slot], word, claimed):
                        continue
                    if peek(&bucket.keys[slot]) == key:
                        poke(&bucket.keys[slot], 0)
                        poke(&bucket.bids[slot], 0)
                        found += 1
                    store(&bucket.words[slot], next_word(claimed, FREE, 0))
        return found

    def held(self, uint64_t key, known_ns=None):
        """(campaign, line item, advertiser, creative) of each bid held for a key, for somebody whose record is as of
        ``known_ns`` (monotonic; None: now).
        """
        cdef vector[Shown] found
        cdef Shown one
        self.gather(key, self.now() if known_ns is None else <int64_t>known_ns, found)
        return [(one.ids[0], one.ids[1], one.ids[2], one.ids[3]) for one in found]

    def live(self):
        """How many bids are held. Looks at the whole table."""
        cdef uint64_t place, word, now = tick_of(self.now())
        cdef int slot
        cdef int64_t found = 0
        for place in range(self.mask + 1):
            for slot in range(SLOTS):
                word = load(&self.buckets[place].words[slot])
                found += (state_of(word) == LIVE or state_of(word) == SHOWN) and now < time_of(word)
        return found


def mapped(directory: Path, buckets: int):
    """The host's table, made if there is none since the machine started -> (memory, buckets)."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    path = directory / f"holds-{boot}"
    with open(path, "a+b", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # goes with the process
        head = os.pread(file.fileno(), len(MAGIC) + 8, 0)
        if head.startswith(MAGIC):
            buckets = int.from_bytes(head[len(MAGIC) :], "little")
        else:
            # Room on the disk now, and not when somebody writes there; the head last, so that all is there if it is.
            os.posix_fallocate(file.fileno(), 0, HEAD + buckets * sizeof(Bucket))
            with open(path, "r+b", buffering=0) as writing:
                writing.write(MAGIC + buckets.to_bytes(8, "little"))
        fcntl.flock(file, fcntl.LOCK_UN)  # the memory keeps the file open, and with it the lock
        memory = mmap.mmap(file.fileno(), HEAD + buckets * sizeof(Bucket))
        for old in directory.glob("holds-*"):
            if old != path:
                with suppress(FileNotFoundError):
                    old.unlink()
    return memory, buckets
