/* Loops as one would write them, one output after the other, expf and all. */
#include <stddef.h>

static void gemm(size_t m, size_t n, size_t k, const float *a, const float *b, float *c)
{
    for (size_t row = 0; row < m; row++) {
        for (size_t j = 0; j < n; j++) {
            float sum = c[row * n + j];
            for (size_t l = 0; l < k; l++) {
                sum += a[row * k + l] * b[l * n + j];
            }
            c[row * n + j] = sum;
        }
    }
}

#include "engine_loops.h"

static const char *version(void)
{
    return "-O2";
}

/* The largest cases would take minutes. */
static void *open_naive(const problem *p)
{
    return multiply_adds(&p->shape) > 2e8 ? NULL : open_state(p);
}

extern const engine naive;
const engine naive = {"naive", version, open_naive, run, close_state};
