/* A hand-written LSTM over MKL, of PyPI's mkl: by cblas_sgemm, or with -DJIT by kernels that
 * mkl_jit_create_sgemm makes for each size. Compiled with -O3 -march=native -ffast-math, so that
 * its gates use vector code. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include "fast_exp.h"
#define EXP fast_exp

enum { ROW_MAJOR = 101, NOT_TRANSPOSED = 111 };
typedef void (*sgemm_kernel)(void *jitter, float *a, float *b, float *c);
void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k,
                 float alpha, const float *a, int lda, const float *b, int ldb,
                 float beta, float *c, int ldc);
int mkl_cblas_jit_create_sgemm(void **jitter, int order, int transpose_a, int transpose_b,
                               int m, int n, int k, float alpha, int lda, int ldb,
                               float beta, int ldc);
sgemm_kernel mkl_jit_get_sgemm_ptr(const void *jitter);
void MKL_Get_Version_String(char *text, int size);
void MKL_Set_Num_Threads(int count);

#ifdef JIT
/* The products of one run have at most three sizes. */
static struct {
    size_t m, n, k;
    void *jitter;
    sgemm_kernel run;
} made[8];
static size_t made_count, not_compiled;

static void gemm(size_t m, size_t n, size_t k, const float *a, const float *b, float *c)
{
    size_t e = 0;
    while (e < made_count && !(made[e].m == m && made[e].n == n && made[e].k == k)) {
        e++;
    }
    if (e == made_count) {
        int status;
        if (made_count < sizeof made / sizeof *made) {
            made_count++;
        } else {
            e = 0;
        }
        made[e].m = m;
        made[e].n = n;
        made[e].k = k;
        status = mkl_cblas_jit_create_sgemm(&made[e].jitter, ROW_MAJOR, NOT_TRANSPOSED,
                                            NOT_TRANSPOSED, (int)m, (int)n, (int)k, 1.0f,
                                            (int)k, (int)n, 1.0f, (int)n);
        if (status > 1) {
            exit(2);
        }
        not_compiled += status == 1; /* MKL_NO_JIT: the kernel calls the usual sgemm */
        made[e].run = mkl_jit_get_sgemm_ptr(made[e].jitter);
    }
    made[e].run(made[e].jitter, (float *)a, (float *)b, c);
}
#else
static void gemm(size_t m, size_t n, size_t k, const float *a, const float *b, float *c)
{
    cblas_sgemm(ROW_MAJOR, NOT_TRANSPOSED, NOT_TRANSPOSED, (int)m, (int)n, (int)k, 1.0f,
                a, (int)k, b, (int)n, 1.0f, c, (int)n);
}
#endif

#include "engine_loops.h"

static const char *version(void)
{
    static char text[256];
    char library[200];
    const char *number;
    MKL_Get_Version_String(library, sizeof library);
    number = strstr(library, "Version ");
    snprintf(text, sizeof text, "%.6s", number ? number + 8 : "");
#ifdef JIT
    {
        float a[16] = {0}, b[16] = {0}, c[16] = {0};
        gemm(4, 4, 4, a, b, c);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s",
                 not_compiled ? ": its JIT makes no code for this CPU and calls sgemm"
                              : "");
    }
#endif
    return text;
}

static void *open_mkl(const problem *p)
{
    MKL_Set_Num_Threads(1);
    return open_state(p);
}

#ifdef JIT
#define NAME mkl_jit
#else
#define NAME mkl
#endif
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
extern const engine NAME;
const engine NAME = {TEXT(NAME), version, open_mkl, run, close_state};
