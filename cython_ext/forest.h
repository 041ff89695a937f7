// Regression trees as flat nodes: one row walked down many trees at a time.
#pragma once
#include <cstddef>
#include <cstdint>

namespace outbid {

// A row is looked at as its numbers, the same negated, and a 0 behind.
struct Node {
    float threshold;
    uint16_t number;   // what of the row is compared
    uint16_t ahead;    // how far the first child is; a leaf leads to itself: 0, with the test 0 <= 0
};

constexpr int LANES = 8;  // trees walked side by side, so that the processor waits for none of them

struct Lanes {
    int32_t roots[LANES];
    int32_t depth;     // of the deepest
};

static inline double walk(
    const Node *nodes, const double *values, const Lanes *lanes, size_t n_lanes, const float *row
) {
    double sum = 0;
    for (const Lanes *group = lanes; group != lanes + n_lanes; group++) {
        const Node *at[LANES];
        for (int k = 0; k < LANES; k++) at[k] = nodes + group->roots[k];
        for (int32_t d = 0; d < group->depth; d++)
            for (int k = 0; k < LANES; k++) {
                const Node *node = at[k];
                at[k] = node + node->ahead + !(row[node->number] <= node->threshold);
            }
        for (int k = 0; k < LANES; k++) sum += values[at[k] - nodes];
    }
    return sum;
}

}  // namespace outbid
