/* The limits of one core, measured. Compiled for this machine by gcc, which fuses products and sums
 * where it is not told otherwise. */
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
typedef float vector __attribute__((vector_size(4 * LANES), may_alias));

/* The least time of many repetitions of work(size, data). */
static double least(void (*work)(size_t, float *), size_t size, float *data)
{
    double best = 1e9;
    for (int k = 0; k < 200; k++) {
        const double start = seconds();
        work(size, data);
        __asm__ volatile("" : : "r"(data) : "memory"); /* what it writes is wanted */
        const double time = seconds() - start;
        best = time < best ? time : best;
    }
    return best;
}

/* Independent chains: as many as the latency of a product and a sum times two units wants, if there
 * are registers for them. */
#define CHAINS (LANES == 16 ? 20 : 12)
#define MULTIPLY_ADDS(name)                                                             \
    __attribute__((noinline)) static void name(size_t rounds, float *data)              \
    {                                                                                   \
        vector s[CHAINS], a = {0}, b = {0};                                             \
        a += data[0];                                                                   \
        b += data[1];                                                                   \
        for (int v = 0; v < CHAINS; v++) { /* all different: equal ones would be one */ \
            s[v] = a + (float)v;                                                        \
        }                                                                               \
        for (size_t k = 0; k < rounds; k++) {                                           \
            _Pragma("GCC unroll 20") for (int v = 0; v < CHAINS; v++)                   \
            {                                                                           \
                s[v] = s[v] * a + b;                                                    \
            }                                                                           \
        }                                                                               \
        for (int v = 1; v < CHAINS; v++) {                                              \
            s[0] += s[v];                                                               \
        }                                                                               \
        memcpy(data + 2, s, sizeof *s);                                                 \
    }
MULTIPLY_ADDS(fused_multiply_adds)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
MULTIPLY_ADDS(apart_multiply_adds)
#pragma GCC pop_options

/* How often a buffer is read in a row, so that it is the loads that count. */
static size_t passes_over(size_t count)
{
    return 1 + 1048576 / count;
}

__attribute__((noinline)) static void loads(size_t count, float *data)
{
    vector s[8];
    memset(s, 0, sizeof s);
    for (size_t pass = 0; pass < passes_over(count); pass++) {
        for (size_t k = 0; k < count; k += 8 * LANES) {
#pragma GCC unroll 8
            for (int v = 0; v < 8; v++) {
                s[v] += *(const vector *)(const void *)(data + k + v * LANES);
            }
        }
        __asm__ volatile("" : : : "memory");
    }
    for (int v = 1; v < 8; v++) {
        s[0] += s[v];
    }
    memcpy(data + count, s, sizeof *s);
}

static double rate_of(void (*work)(size_t, float *))
{
    enum { ROUNDS = 10000 };
    float data[2 + LANES] = {0.5f, 0.25f};
    return 2e-9 * CHAINS * LANES * ROUNDS / least(work, ROUNDS, data);
}

double machine_peak(void)
{
    return rate_of(fused_multiply_adds);
}

double machine_peak_apart(void)
{
    return rate_of(apart_multiply_adds);
}

double machine_load(size_t bytes)
{
    const size_t count = bytes / sizeof(float) / (8 * LANES) * (8 * LANES);
    float *data = NULL;
    double time;
    if (posix_memalign((void **)&data, 4096, (count + LANES) * sizeof *data) != 0) {
        return 0.0;
    }
    memset(data, 0, (count + LANES) * sizeof *data);
    time = least(loads, count, data);
    free(data);
    return 4e-9 * (double)count * (double)passes_over(count) / time;
}
