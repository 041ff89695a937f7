// Blocks of 512 bits, narrowed: the innermost loop of `cython_ext.bitset`, once for each vector unit that there may be.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define OUTBID_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define OUTBID_CLONES
#endif

namespace outbid {

struct Bits {                // a row for all items
    const uint64_t *words;
    const uint64_t *sums;    // bit n: block n has any
};

struct Step {                // what a request's facts make of a plane: x &= (base | ors), x &= ~nots
    Bits base;               // words null: everything
    int32_t first, ors, nots;  // slice of the operands
};

struct Entry {
    uint64_t value;
    int32_t item;
    bool operator<(const Entry &other) const { return value != other.value ? value < other.value : item < other.item; }
    bool operator==(const Entry &other) const { return value == other.value && item == other.item; }
};

struct Told {                // of one plane, while items are taken
    std::vector<Entry> adds, removes;
    std::vector<int32_t> bound;
};

inline void sort_once(std::vector<Entry> &entries) {
    std::sort(entries.begin(), entries.end());
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
}

typedef unsigned long long Block __attribute__((vector_size(64), aligned(8), may_alias));

// The blocks in which an item passes every step: their numbers in ``hits``, those items in ``out``.
OUTBID_CLONES static int32_t narrow(
    const Step *steps, size_t n_steps, const Bits *operands, const uint64_t *valid, const int32_t *blocks,
    size_t n_blocks, uint64_t *out, int32_t *hits
) {
    int32_t n_hits = 0;
    for (size_t i = 0; i < n_blocks; i++) {
        const size_t at = (size_t)blocks[i] * 8;
        Block x = *(const Block *)(valid + at);
        bool any = true;
        for (const Step *step = steps; any && step != steps + n_steps; step++) {
            const Bits *operand = operands + step->first;
            if (step->base.words) {
                Block may = *(const Block *)(step->base.words + at);
                for (int32_t k = 0; k < step->ors; k++, operand++) may |= *(const Block *)(operand->words + at);
                x &= may;
            }
            for (int32_t k = 0; k < step->nots; k++, operand++) x &= ~*(const Block *)(operand->words + at);
            any = (x[0] | x[1] | x[2] | x[3] | x[4] | x[5] | x[6] | x[7]) != 0;
        }
        if (any) {
            *(Block *)(out + at) = x;
            hits[n_hits++] = blocks[i];
        }
    }
    return n_hits;
}

}  // namespace outbid
