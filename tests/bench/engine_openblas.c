/* A hand-written LSTM over OpenBLAS: one product for the input of all timesteps, then one of h a
 * step. Compiled with -O3 -march=native -ffast-math, so that its gates use vector code. The library
 * is the newest one, of PyPI's scipy-openblas32, whose names begin with scipy_. */
#include <stddef.h>
#include "fast_exp.h"
#define EXP fast_exp

enum { ROW_MAJOR = 101, COLUMN_MAJOR = 102, NOT_TRANSPOSED = 111 };
void scipy_cblas_sgemv(int order, int transpose, int m, int n, float alpha,
                       const float *a, int lda, const float *x, int incx, float beta,
                       float *y, int incy);
void scipy_cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k,
                       float alpha, const float *a, int lda, const float *b, int ldb,
                       float beta, float *c, int ldc);
void scipy_openblas_set_num_threads(int count);
char *scipy_openblas_get_config(void);
char *scipy_openblas_get_corename(void);

static void gemm(size_t m, size_t n, size_t k, const float *a, const float *b, float *c)
{
    if (k == 1 && m == 1) { /* less than a call costs */
        for (size_t j = 0; j < n; j++) {
            c[j] += a[0] * b[j];
        }
    } else if (m == 1) {
        scipy_cblas_sgemv(COLUMN_MAJOR, NOT_TRANSPOSED, (int)n, (int)k, 1.0f, b, (int)n,
                          a, 1, 1.0f, c, 1);
    } else {
        scipy_cblas_sgemm(ROW_MAJOR, NOT_TRANSPOSED, NOT_TRANSPOSED, (int)m, (int)n,
                          (int)k, 1.0f, a, (int)k, b, (int)n, 1.0f, c, (int)n);
    }
}

#include "engine_loops.h"

static const char *version(void)
{
    static char text[256];
    const char *core = scipy_openblas_get_corename();
    strncat(text, scipy_openblas_get_config(), 15); /* OpenBLAS and its number */
    strncat(text, " kernels for ", 16);
    strncat(text, core, 32);
    return text;
}

static void *open_blas(const problem *p)
{
    scipy_openblas_set_num_threads(1);
    return open_state(p);
}

extern const engine openblas;
const engine openblas = {"openblas", version, open_blas, run, close_state};
