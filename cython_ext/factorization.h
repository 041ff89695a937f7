// Field-aware factorization: products of pairs of vectors, for scoring and for learning.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define OUTBID_FMA_CLONES __attribute__((target_clones("avx512f", "avx2,fma", "default")))
#else
#define OUTBID_FMA_CLONES
#endif

namespace outbid {

typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));

struct Place {          // of a value
    uint32_t row;       // of the vectors; 0: a row of noughts
    float weight;
};

static inline float sum_of(Four x) { return (x[0] + x[1]) + (x[2] + x[3]); }

static inline Four roots(Four x) {
#ifdef __SSE2__
    return (Four)_mm_sqrt_ps((__m128)x);
#else
    return Four{std::sqrt(x[0]), std::sqrt(x[1]), std::sqrt(x[2]), std::sqrt(x[3])};
#endif
}

// Vectors are rows of ``fields`` times ``k`` numbers (k a multiple of 4): a row has a vector against each field.

// Pairs within fields first..last-1: row i's vector against field j times row j's against field i.
OUTBID_FMA_CLONES static float within(
    const float *const *rows, size_t first, size_t last, size_t k
) {
    Four a = {0, 0, 0, 0}, b = {0, 0, 0, 0};
    for (size_t i = first + 1; i < last; i++) {
        const float *mine = rows[i] + first * k;
        if (k == 4) {
            size_t j = first;
            for (; j + 1 < i; j += 2, mine += 8) {
                a += *(const Four *)mine * *(const Four *)(rows[j] + i * 4);
                b += *(const Four *)(mine + 4) * *(const Four *)(rows[j + 1] + i * 4);
            }
            if (j < i) a += *(const Four *)mine * *(const Four *)(rows[j] + i * 4);
        } else {
            for (size_t j = first; j < i; j++)
                for (size_t f = 0; f < k; f += 4, mine += 4)
                    a += *(const Four *)mine * *(const Four *)(rows[j] + i * k + f);
        }
    }
    return sum_of(a + b);
}

// The product of two runs of ``n`` numbers, a multiple of 4.
OUTBID_FMA_CLONES static float product(const float *x, const float *y, size_t n) {
    Four a = {0, 0, 0, 0}, b = {0, 0, 0, 0}, c = {0, 0, 0, 0}, d = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        a += *(const Four *)(x + i) * *(const Four *)(y + i);
        b += *(const Four *)(x + i + 4) * *(const Four *)(y + i + 4);
        c += *(const Four *)(x + i + 8) * *(const Four *)(y + i + 8);
        d += *(const Four *)(x + i + 12) * *(const Four *)(y + i + 12);
    }
    for (; i < n; i += 4) a += *(const Four *)(x + i) * *(const Four *)(y + i);
    return sum_of((a + b) + (c + d));
}

// One step of AdaGrad on all pairs of an example, for a gradient ``g`` of its log odds. A row of ``rows`` has its vectors
// and, ``apart`` numbers further on, the sums of their squared gradients.
OUTBID_FMA_CLONES static void step(
    float *const *rows, size_t fields, size_t k, size_t apart, float g, float rate, float l2
) {
    for (size_t i = 1; i < fields; i++)
        for (size_t j = 0; j < i; j++) {
            float *x = rows[i] + j * k, *y = rows[j] + i * k;
            for (size_t f = 0; f < k; f += 4) {
                Four &u = *(Four *)(x + f), &v = *(Four *)(y + f);
                Four &su = *(Four *)(x + apart + f), &sv = *(Four *)(y + apart + f);
                const Four du = g * v + l2 * u, dv = g * u + l2 * v;
                su += du * du;
                sv += dv * dv;
                u -= rate * du / roots(su);
                v -= rate * dv / roots(sv);
            }
        }
}

}  // namespace outbid
