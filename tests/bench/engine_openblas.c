/* A hand-written LSTM over OpenBLAS: one product for the input of all timesteps, then one of h a
 * step. Compiled with -O3 -march=native -ffast-math, so that its gates use vector code. */
#include <cblas.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* 2^n times a polynomial: inline, so faster here than the vector expf of libm. */
static inline float fast_exp(float x)
{
    const float clipped = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    const float n = rintf(clipped * 1.44269504f), r = clipped - n * 0.693147181f;
    const float p =
        1.0f +
        r * (1.0f + r * (0.5f + r * (0.166666667f +
                                     r * (0.0416666667f +
                                          r * (0.00833333333f + r * 0.00138888889f)))));
    const int32_t bits = ((int32_t)n + 127) * (1 << 23);
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}
#define EXP fast_exp

static void gemm(size_t m, size_t n, size_t k, const float *a, const float *b, float *c)
{
    if (k == 1 && m == 1) { /* less than a call costs */
        for (size_t j = 0; j < n; j++) {
            c[j] += a[0] * b[j];
        }
    } else if (m == 1) {
        cblas_sgemv(CblasColMajor, CblasNoTrans, (blasint)n, (blasint)k, 1.0f, b,
                    (blasint)n, a, 1, 1.0f, c, 1);
    } else {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)m, (blasint)n,
                    (blasint)k, 1.0f, a, (blasint)k, b, (blasint)n, 1.0f, c, (blasint)n);
    }
}

#include "engine_loops.h"

static const char *version(void)
{
    return openblas_get_config();
}

static void *open_blas(const problem *p)
{
    openblas_set_num_threads(1);
    return open_state(p);
}

extern const engine openblas;
const engine openblas = {"openblas", version, open_blas, run, close_state};
